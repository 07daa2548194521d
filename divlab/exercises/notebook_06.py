"""Exercises of 06."""

from divlab.exercises.answers import Exercise

EXERCISES: tuple[Exercise, ...] = ()
