"""Exercises of 11."""

from divlab.exercises.answers import Exercise

EXERCISES: tuple[Exercise, ...] = ()
