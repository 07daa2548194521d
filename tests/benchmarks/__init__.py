"""Benchmarks: `make bench`. Never part of the tests, whose machines are shared and noisy."""
