"""Exercises of 07."""

from divlab.exercises.answers import Exercise

EXERCISES: tuple[Exercise, ...] = ()
