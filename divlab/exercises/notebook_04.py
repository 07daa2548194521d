"""Exercises of 04."""

from divlab.exercises.answers import Exercise

EXERCISES: tuple[Exercise, ...] = ()
