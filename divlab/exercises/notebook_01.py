"""Exercises of 01."""

from divlab.exercises.answers import Exercise

EXERCISES: tuple[Exercise, ...] = ()
