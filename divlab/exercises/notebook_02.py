"""Exercises of 02."""

from divlab.exercises.answers import Exercise

EXERCISES: tuple[Exercise, ...] = ()
