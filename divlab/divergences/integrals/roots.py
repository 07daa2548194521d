"""Where an increasing function of a number between 0 and 1 turns positive."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Float

from divlab.divergences.integrals.arrays import Array, fixed, has_32_bits, on_host

_ON_HOST = 40  # bits of the result
_NEAR = 2.0**-12  # the width within which two equal steps mean that the root is found


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

    bounds, halvings = (jnp.zeros_like(like), jnp.ones_like(like)), 13 if has_32_bits() else 21
    (low, high), _ = lax.scan(halve, bounds, length=halvings)
    # So near to the root a smooth function is a line up to the square of the width. The ends of
    # the interval are left out: at the end of a support a density is 0.
    at_low, at_high = increasing(low), increasing(high)
    is_between = (at_low <= 0) & (at_high > 0)
    share = -at_low / jnp.where(is_between, at_high - at_low, 1.0)
    share = jnp.where(is_between, share, jnp.where(at_low > 0, 0.0, 1.0))
    share = jnp.clip(share, 0.5**halvings, 1 - 0.5**halvings)
    return fixed(low + share * (high - low))


def _interpolated(increasing: Callable[[Array], Array], like: np.ndarray) -> np.ndarray:
    """By chords between the two ends of what is searched, and a halving of it at every fourth step.

    An end that stays for two steps counts half, so that the chord comes to pass the root and both
    ends move (the Illinois rule; Dowell & Jarratt 1971).
    """
    low, high = np.zeros(like.shape), np.ones(like.shape)
    at_low, at_high = increasing(low), increasing(high)
    found = np.where(at_low > 0, 0.0, 1.0)  # where it has no root
    sought = (at_low <= 0) & (at_high > 0)
    stayed_low, stayed_high = np.zeros(like.shape, bool), np.zeros(like.shape, bool)
    for step in range(1, 4 * _ON_HOST):
        if not np.any(sought):
            break
        chord = (low * at_high - high * at_low) / np.where(sought, at_high - at_low, 1.0)
        point = (low + high) / 2 if step % 4 == 0 else np.clip(chord, low, high)
        there = increasing(point)
        moved, found = np.abs(point - found), np.where(sought, point, found)
        # A chord may creep along where the function is flat, far from its root.
        creeps = (high - low) > _NEAR
        sought &= ((moved > 2.0**-_ON_HOST) | creeps) & (there != 0)
        is_high = there > 0
        at_low = np.where(is_high, np.where(stayed_low, at_low / 2, at_low), there)
        at_high = np.where(is_high, there, np.where(stayed_high, at_high / 2, at_high))
        low, high = np.where(is_high, low, point), np.where(is_high, point, high)
        stayed_low, stayed_high = is_high, ~is_high
    return found
