"""Exercises of 03."""

from divlab.exercises.answers import Exercise

EXERCISES: tuple[Exercise, ...] = ()
