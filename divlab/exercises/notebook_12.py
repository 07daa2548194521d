"""Exercises of 12."""

from divlab.exercises.answers import Exercise

EXERCISES: tuple[Exercise, ...] = ()
