"""Where an increasing function of a number between 0 and 1 turns positive."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float

from divlab.divergences.integrals.arrays import Array, fixed, has_32_bits, on_host

_ON_HOST = 40  # halvings, at the least, of what is searched


def root(increasing: Callable[[Array], Array], like: Float[Any, "*shape"]) -> Float[Any, "*shape"]:
    """The s in [0, 1] at which `increasing` turns positive, elementwise; of the shape of `like`.

    It is 1 where the function stays negative, and 0 where it is positive throughout.
    """
    if on_host(like):
        return _interpolated(increasing, like)

    def halve(bounds: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], None]:
        low, high = bounds
        middle = (low + high) / 2
        is_high = increasing(middle) > 0
        return (jnp.where(is_high, low, middle), jnp.where(is_high, middle, high)), None

    bounds = (jnp.zeros_like(like), jnp.ones_like(like))
    (low, high), _ = lax.scan(halve, bounds, length=25 if has_32_bits() else _ON_HOST)
    return fixed((low + high) / 2)


def _interpolated(increasing: Callable[[Array], Array], like: np.ndarray) -> np.ndarray:
    """By interpolation that is never slower than halving by more than one step.

    Source: Oliveira & Takahashi (2020), An enhancement of the bisection method average performance
    preserving minmax optimality.
    """
    low, high = np.zeros(like.shape), np.ones(like.shape)
    at_low, at_high = increasing(low), increasing(high)
    high = np.where(at_low > 0, low, high)
    low = np.where(at_high <= 0, high, low)
    for step in range(_ON_HOST + 1):
        width = high - low
        if not np.any(width > 2.0**-_ON_HOST):
            break
        middle = (low + high) / 2
        chord = (high * at_low - low * at_high) / np.where(at_low < at_high, at_low - at_high, 1.0)
        side = np.sign(middle - chord)
        towards = chord + side * np.minimum(0.2 * width**2, np.abs(middle - chord))
        room = 2.0 ** (-step) - width / 2  # how far from the middle one may go and still be in time
        point = np.where(np.abs(towards - middle) <= room, towards, middle - side * room)
        point = np.clip(np.where(np.isfinite(point), point, middle), low, high)
        there = increasing(point)
        is_high = there > 0
        low, at_low = np.where(is_high, low, point), np.where(is_high, at_low, there)
        high, at_high = np.where(is_high, point, high), np.where(is_high, there, at_high)
    return (low + high) / 2
