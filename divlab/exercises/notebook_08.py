"""Exercises of 08."""

from divlab.exercises.answers import Exercise

EXERCISES: tuple[Exercise, ...] = ()
