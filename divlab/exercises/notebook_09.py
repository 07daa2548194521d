"""Exercises of 09."""

from divlab.exercises.answers import Exercise

EXERCISES: tuple[Exercise, ...] = ()
