"""Exercises of 05."""

from divlab.exercises.answers import Exercise

EXERCISES: tuple[Exercise, ...] = ()
