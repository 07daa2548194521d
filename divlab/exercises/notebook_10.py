"""Exercises of 10."""

from divlab.exercises.answers import Exercise

EXERCISES: tuple[Exercise, ...] = ()
