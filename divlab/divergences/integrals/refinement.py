"""Gauss-Kronrod sums on the panels of a line, and the cutting of those that are worst.

On each piece an integral is a sum over 15 nodes. Two further sums, which vanish for smooth
functions, tell how wrong it is. The worst pieces are cut until the errors sum up to next to
nothing: by a loop on the host where all numbers are known, by `lax.while_loop` where they are
traced. Both loops use the same pieces of this file.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Bool, Float

from divlab.divergences.integrals.arrays import (
    asked_precision,
    fixed,
    has_32_bits,
    matmul,
    namespace,
    on_host,
    set_rows,
)
from divlab.divergences.integrals.panels import INTERIOR, Array, Panels

# Nodes in [0, 1] and weights of the 15-point Kronrod rule and of the 7-point Gauss rule inside it
# (Laurie 1997; Piessens et al. 1983, QUADPACK), for an integral over [0, 1].
_HALF_NODES = [0.991455371120812639206854697526329, 0.949107912342758524526189684047851,
               0.864864423359769072789712788640926, 0.741531185599394439863864773280788,
               0.586087235467691130294144691693013, 0.405845151377397166906606412076961,
               0.207784955007898467600689403773245]  # fmt: skip
_HALF_KRONROD = [0.022935322010529224963732008058970, 0.063092092629978553290700663189204,
                 0.104790010322250183839876322541518, 0.140653259715525918745189590510238,
                 0.169004726639267902826583426598550, 0.190350578064785409913256402421014,
                 0.204432940075298892414161999234649]  # fmt: skip
_HALF_GAUSS = [0.129484966168869693270611432679082, 0.279705391489276667901467771423780,
               0.381830050505118944950369775488975]  # fmt: skip
NODES = (1 + np.array([-n for n in _HALF_NODES] + [0.0] + _HALF_NODES[::-1])) / 2
KRONROD = np.array([*_HALF_KRONROD, 0.209482141084727828012999174891714, *_HALF_KRONROD[::-1]]) / 2
GAUSS = np.zeros(15)
GAUSS[1::2] = np.array([*_HALF_GAUSS, 0.417959183673469387755102040816327, *_HALF_GAUSS[::-1]]) / 2
# Sums that vanish for polynomials of degree 12, of one size (Berntsen & Espelid 1991). What they
# leave is the error of a piece; at a kink the first alone may happen to vanish.
_LEGENDRE_13 = np.linalg.inv(np.polynomial.legendre.legvander(2 * NODES - 1, 14))[13]
_RULES = np.stack(
    [
        KRONROD,
        KRONROD - GAUSS,
        _LEGENDRE_13 * np.linalg.norm(KRONROD - GAUSS) / np.linalg.norm(_LEGENDRE_13),
    ],
    axis=1,
)
WORST = 8  # pieces, the worst, at a time where shapes are fixed
# Where they are not, each call of a program costs time: up to so many pieces at a time, each in
# several parts, so that a kink is found in few rounds.
WORST_ON_HOST, PARTS_ON_HOST = 32, 8


class Pieces(NamedTuple):
    """Parts of panels: piece i is [start, stop] in the coordinate of panel `panel`."""

    panel: Array
    start: Array
    stop: Array


class Limits(NamedTuple):
    """Four points on each panel at a limit, from t = 0 inwards; x, distance from the anchor, use.

    The distances are those of the points as they are rounded.
    """

    x: Array
    distance: Array
    used: Array


class Survey(NamedTuple):
    """What is known of each piece: the integrals over it of all functions, and their errors."""

    pieces: Pieces
    values: Array
    errors: Array


class Refined(NamedTuple):
    """The pieces at the end, (pieces, functions) the integrals over them, and what lies beyond.

    `rest` is (limits, functions): what `remainder` says of each function. `shares` is of the same
    shape: the remainder over the value at the first point of the limit.
    """

    pieces: Pieces
    values: Array
    rest: Array
    shares: Array

    def totals(self) -> Array:
        """(functions,) the integrals over the whole line."""
        return self.values.sum(axis=0) + self.rest.sum(axis=0)


def _limits() -> tuple[int, float]:
    """How often pieces are cut at most, and the relative error at which they no longer are."""
    if has_32_bits():
        return 16, 3e-6
    return 32, 1e-7 if asked_precision().itemsize == 4 else 1e-12


class Look(NamedTuple):
    """What the nodes of some pieces tell: (pieces, functions) integrals and errors.

    `rest` and `shares` are (limits, functions), as in `Refined`, where the limits were looked at.
    """

    values: Array
    errors: Array
    rest: Array = None
    shares: Array = None


def look_by(panels: Panels, integrand: Callable[[Array], Any]) -> Callable[..., Look]:
    """The function (pieces, limits or None) -> `Look` of an integrand of points in a row."""

    def look(pieces: Pieces, at: Limits | None) -> Look:
        values, near = evaluate(panels, pieces, integrand, at)
        return weigh(values, near, pieces.stop - pieces.start, at)

    return look


def weigh(values: Any, near: Any, length: Array, at: Limits | None) -> Look:
    """From the values of the functions, times dx/dt, at the nodes, and their values at limits."""
    if on_host(values):  # of all functions in one array
        sums = matmul(values, _RULES).transpose(1, 2, 0)
    else:
        sums = jnp.stack([matmul(v, _RULES) for v in values], axis=-1)
    xp = namespace(sums)
    sums = sums * length[:, None, None]
    integrals, errors = sums[:, 0], xp.abs(sums[:, 1:]).max(axis=1)
    shares: Array = None
    rest: Array = None
    if at is not None and on_host(near) and not near.any():
        shares = rest = np.zeros(near.shape[1::-1])
    elif at is not None and on_host(near):
        shares = remainder_share(at, near).T
        rest = of_limit(shares, near[..., 0].T)
    elif at is not None:
        shares = jnp.stack([remainder_share(at, of_one) for of_one in near], axis=-1)
        rest = of_limit(shares, jnp.stack([of_one[:, 0] for of_one in near], axis=-1))
    return Look(integrals, xp.where(xp.isfinite(errors), errors, 0.0), rest, shares)


def times(values: Array, slope: Array) -> Array:
    """The product, 0 where a value is 0, however large the slope, and on pieces of no width."""
    return namespace(values).where((slope > 0) & (values != 0), values * slope, 0.0)


def start(panels: Panels) -> tuple[Pieces, Limits]:
    """The pieces to begin with, and where functions are looked at to continue them."""
    return Pieces(*panels.pieces()), limits(panels)


def refine(whole: Pieces, at: Limits, look: Callable[[Pieces, Limits | None], Look]) -> Refined:
    """Cuts, round by round, the pieces on which a function is integrated worst, from `whole` on.

    Of several functions a piece is as bad as its worst share, relative to the whole, of any. It
    ends when the errors of the pieces sum up to next to nothing, or after a fixed number of rounds.
    Panels and function must carry no gradient.
    """
    # The limits are looked at together with the first nodes: densities are slow to compile, and on
    # the host each call of their program costs time.
    values, errors, rest, shares = look(whole, at)
    drive = _refine_on_host if on_host(whole.start) else _refine_traced
    survey = drive(Survey(whole, values, errors), look)
    return Refined(survey.pieces, survey.values, rest, shares)


def _refine_on_host(known: Survey, look: Callable[[Pieces, None], Look]) -> Survey:
    rounds, tolerance = _limits()
    for _ in range(rounds):
        errors = _relative(known).max(axis=1)
        whole = errors.sum()
        if whole <= tolerance:
            break
        order = np.argsort(errors)[::-1]
        left = whole - np.cumsum(errors[order])  # after cutting so many
        enough = int(np.searchsorted(-left, -tolerance / 2)) + 1
        worst = order[: min(enough, WORST_ON_HOST)]
        fresh = _survey(_parts(known.pieces, worst, PARTS_ON_HOST), look)
        size = worst.size

        def replace(old: Array, new: Array, worst: Array = worst, size: int = size) -> Array:
            return np.concatenate([set_rows(old, worst, new[:size]), new[size:]])

        known = jax.tree.map(replace, known, fresh)
    return known


def _refine_traced(known: Survey, look: Callable[[Pieces, None], Look]) -> Survey:
    rounds, _ = _limits()
    count = known.pieces.start.shape[0]

    def unfinished(carry: tuple[Array, Survey]) -> Array:
        number, known = carry
        return (number < rounds) & ~is_done(known)

    def step(carry: tuple[Array, Survey]) -> tuple[Array, Survey]:
        number, known = carry
        _, worst = lax.top_k(jnp.max(_relative(known), axis=1), WORST)
        where = jnp.concatenate([worst, count + WORST * number + jnp.arange(WORST)])
        fresh = _survey(_parts(known.pieces, worst, 2), look)
        return number + 1, jax.tree.map(lambda a, new: set_rows(a, where, new), known, fresh)

    room = rounds * WORST
    known = jax.tree.map(lambda a: jnp.pad(a, ((0, room), *((0, 0),) * (a.ndim - 1))), known)
    return lax.while_loop(unfinished, step, (0, known))[1]


def _survey(pieces: Pieces, look: Callable[[Pieces, None], Look]) -> Survey:
    return Survey(pieces, *look(pieces, None)[:2])


def is_done(known: Survey) -> Bool[Any, ""]:
    """Whether the errors of each function sum up to next to nothing."""
    return (_relative(known).sum(axis=0) <= _limits()[1]).all()


def _relative(known: Survey) -> Array:
    """The error of each piece for each function, relative to the function's whole integral."""
    xp = namespace(known.values)
    sizes = xp.abs(known.values)
    sizes = xp.where(xp.isfinite(sizes), sizes, 0.0).sum(axis=0)
    return known.errors / xp.maximum(sizes, np.finfo(sizes.dtype).tiny)


def _parts(pieces: Pieces, worst: Array, count: int) -> Pieces:
    """The first parts of the `worst` pieces, then their second ones, and so on."""
    xp = namespace(pieces.start)
    panel, start, stop = (a[worst] for a in pieces)
    edges = [start + (stop - start) * (i / count) for i in range(count)] + [stop]
    return Pieces(
        xp.concatenate([panel] * count), xp.concatenate(edges[:-1]), xp.concatenate(edges[1:])
    )


def nodes(
    panels: Panels, pieces: Pieces
) -> tuple[Float[Any, "pieces 15"], Float[Any, "pieces 15"]]:
    """The values of x and dx/dt at the 15 nodes of every piece."""
    xp = namespace(pieces.start)
    places = xp.asarray(NODES, dtype=pieces.start.dtype)
    t = pieces.start[:, None] + (pieces.stop - pieces.start)[:, None] * places
    return panels.locate(pieces.panel, t)


def limits(panels: Panels) -> Limits:
    """Where functions are looked at to continue them to the ends and the infinities."""
    xp, index = namespace(panels.anchor), panels.at_limits
    used = (panels.kind[index] != INTERIOR) & (panels.width[index] != 0)
    apart = xp.minimum(2.0 / panels.reach[index], 0.3)
    x, _ = panels.locate(index, apart[:, None] * xp.arange(4.0))
    anchor = panels.anchor[index][:, None]
    distance = xp.where(used[:, None], xp.abs(x - anchor), np.exp(np.array([0.0, 2.0, 4.0, 6.0])))
    return Limits(xp.where(used[:, None], x, fixed(panels.anchor[0])), distance, used)


def evaluate(
    panels: Panels, pieces: Pieces, integrand: Callable[[Array], Any], at: Limits | None
) -> tuple[Any, Any]:
    """integrand(x) dx/dt at the nodes, with 0 on pieces of no width, and integrand(x) at limits."""
    xp = namespace(pieces.start)
    x, slope = nodes(panels, pieces)
    if xp is jnp:  # where shapes are fixed, some pieces have no width
        used = ((pieces.stop > pieces.start) & (panels.width[pieces.panel] != 0))[:, None]
        x, slope = xp.where(used, x, fixed(panels.anchor[0])), xp.where(used, slope, 0.0)
    points = x.ravel() if at is None else xp.concatenate([x.ravel(), at.x.ravel()])
    values = jax.tree.leaves(integrand(points))
    inside = [v[: x.size].reshape(x.shape) for v in values]
    near = [] if at is None else [v[x.size :].reshape(at.x.shape) for v in values]
    if xp is np:
        return times(np.stack(inside), slope), np.stack(near) if at is not None else None
    return [times(v, slope) for v in inside], near


def remainder(at: Limits, values: Array) -> Array:
    """The integral from each limit on, of a function that goes like a power of the distance there.

    It has no bound where the power is not steep enough.
    """
    return of_limit(remainder_share(at, values), values[..., 0])


def remainder_share(at: Limits, values: Array) -> Array:
    """The remainder over the first of the four values; inf where the integral has no bound.

    Per nat of log distance u from the limit, a function g times the distance falls like exp(-k u).
    A power of x times a logarithm has a k that changes slowly, which the second term allows for.
    Where k changes several times faster from point to point, it settles as the distance does.
    """
    xp = namespace(values)
    near = xp.where(values != 0, values * at.distance, 0.0)
    same = (near[..., :1] * near > 0).all(axis=-1)
    matters = at.used & same & xp.isfinite(near).all(axis=-1)
    near = xp.where(matters[..., None], near, 1.0)
    nats = xp.abs(xp.diff(xp.log(at.distance), axis=-1))
    falls = fixed(xp.diff(xp.log(xp.abs(near)), axis=-1)) / nats
    changes = fixed(xp.abs(xp.diff(falls, axis=-1)))
    settles = changes[..., 1] > 3 * changes[..., 0]
    bends = (falls[..., 0] - falls[..., 1]) / (nats[..., :2].sum(axis=-1) / 2)
    bends = xp.where(settles, 0.0, bends)
    rate = falls[..., 0] + bends * nats[..., 0] / 2  # at the limit itself
    bound = rate > _least_rate()
    safe = xp.where(bound, rate, 1.0)
    bend = xp.clip(bends / safe**2, -0.3, 0.3)
    share = at.distance[..., 0] / safe * (1 - bend)
    return xp.where(matters, xp.where(bound, share, np.inf), 0.0)


def _least_rate() -> float:
    """The least fall per nat that is not rounding."""
    return 1e-3 if has_32_bits() else 1e-6


def of_limit(share: Array, value: Array) -> Array:
    """The remainder: the product, 0 where the share is 0, though a value be infinite.

    Where the share is infinite, so is the remainder, and it has no slope.
    """
    xp, endless = namespace(share), namespace(share).isinf(share)
    product = xp.where(endless, 0.0, share) * xp.where(share != 0, value, 0.0)
    return xp.where(endless, xp.where(value < 0, -np.inf, np.inf), product)
