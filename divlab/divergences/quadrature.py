"""Integrals over the line that depend on two densities, to near rounding error.

The line is cut at the ends of the supports and where either distribution has mass. On each panel
an integral is a Gauss-Kronrod sum of 15 nodes, and the worst panels are halved until it holds. The
same program serves every value of the parameters: it runs under `jit`, `vmap` and `grad`. The way
the line is cut carries no gradient, but the ends of the supports do, so the derivative with respect
to, say, the end of a uniform distribution is exact.

What falls short: next to an end of a support other than 0, where x cannot come close enough to the
end, a density that is infinite there (a Beta with a parameter below 1) costs digits: up to 5e-3 of
the value in 32 bits, 1e-7 in 64.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from numpyro.distributions import Distribution

from divlab.divergences.densities import Packed, landmarks, log_density, support_ends
from divlab.divergences.families import surprise

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
NULL_RULES = [
    KRONROD - GAUSS,
    _LEGENDRE_13 * np.linalg.norm(KRONROD - GAUSS) / np.linalg.norm(_LEGENDRE_13),
]

HALVED = 8  # pieces, the worst, at a time
INTERIOR, LEFT_END, RIGHT_END, LEFT_TAIL, RIGHT_TAIL = range(5)


class Panels(NamedTuple):
    """Stretches of the line, each with its own coordinate t from `start` to 1.

    x = anchor + width * t inside, anchor + width * t^4 next to the end of a support (a density
    like x^(-1/2) becomes smooth in t), anchor + width * t^-4 in a tail (so does one like x^-2).
    What lies between t = 0 and `start` is too near an end, or too far out, for floating point;
    there the integrand is continued as a power of t. Only the panels `at_limits` may have that.
    """

    anchor: jax.Array
    width: jax.Array
    kind: jax.Array
    start: jax.Array
    at_limits: jax.Array

    def locate(self, index, t):
        """x, dx/dt at coordinate t of panel `index`; `t` has one more axis than `index`."""
        anchor, width, kind = (a[index][..., None] for a in self[:3])
        fourth = t**4
        in_tail, at_end = kind >= LEFT_TAIL, (kind == LEFT_END) | (kind == RIGHT_END)
        x = anchor + width * jnp.where(in_tail, 1 / fourth, jnp.where(at_end, fourth, t))
        slope = jnp.where(in_tail, 4 / (fourth * t), jnp.where(at_end, 4 * t**3, 1.0))
        return x, jnp.abs(width) * slope


class Pieces(NamedTuple):
    """Panels after halving: piece i is [start, stop] in the coordinate of panel `panel`."""

    panel: jax.Array
    start: jax.Array
    stop: jax.Array


def all_landmarks(*distributions: Distribution) -> jax.Array:
    """The landmarks of all distributions, in no order."""
    return jnp.concatenate([landmarks(d) for d in distributions]).astype(float)


def cut_line(
    *distributions: Distribution,
    inside: jax.Array | None = None,
    extra: jax.Array | None = None,
) -> Panels:
    """Panels for all distributions together, cut at `extra` points too.

    `inside` are their landmarks, if they are known already: quantiles are slow to compile.
    """
    ends, reaches_left, reaches_right = support_ends(list(distributions))
    inside = all_landmarks(*distributions) if inside is None else inside
    inside = inside if extra is None else jnp.concatenate([inside, extra])
    if ends.size:  # a cut that falls on an end moves with it
        same = inside[:, None] == ends[None, :]
        inside = jnp.where(jnp.any(same, axis=1), ends[jnp.argmax(same, axis=1)], inside)
        cuts = jnp.concatenate([inside, ends, *_beside(ends, inside)])
        cuts = cuts[jnp.argsort(lax.stop_gradient(cuts))]
        is_end = jnp.any(cuts[:, None] == ends[None, :], axis=1)
    else:
        cuts = jnp.sort(lax.stop_gradient(inside))
        is_end = jnp.zeros(cuts.shape, bool)

    # A stretch is one panel, seen from the end of a support if it touches one.
    low, high, from_right = cuts[:-1], cuts[1:], is_end[1:]
    anchors = [jnp.where(from_right, high, low)]
    widths = [jnp.where(from_right, low - high, high - low)]
    kinds = [jnp.where(from_right, RIGHT_END, jnp.where(is_end[:-1], LEFT_END, INTERIOR))]
    reach = lax.stop_gradient((cuts[-1] - cuts[0]) / 2)[None]
    if reaches_left:
        anchors, widths = [*anchors, cuts[:1] + reach], [*widths, -reach]
        kinds.append(jnp.array([LEFT_TAIL]))
    if reaches_right:
        anchors, widths = [*anchors, cuts[-1:] - reach], [*widths, reach]
        kinds.append(jnp.array([RIGHT_TAIL]))
    anchor, width, kind = (jnp.concatenate(a) for a in (anchors, widths, kinds))
    count = anchor.shape[0]
    at_limits = jnp.arange(0 if ends.size else cuts.size - 1, count)
    return Panels(anchor, width, kind, _starts(anchor, width, kind), at_limits)


def _beside(ends: jax.Array, inside: jax.Array) -> list[jax.Array]:
    """For each end a cut on either side, halfway to the next, so that no stretch has two ends."""
    cuts = lax.stop_gradient(jnp.concatenate([inside, ends]))
    gap = cuts[None, :] - lax.stop_gradient(ends)[:, None]
    after = jnp.min(jnp.where(gap > 0, gap, jnp.inf), axis=1)
    before = jnp.min(jnp.where(gap < 0, -gap, jnp.inf), axis=1)
    sides = (1, after), (-1, before)
    return [ends + jnp.where(jnp.isfinite(gap), s * gap / 2, 0.0) for s, gap in sides]


def _starts(anchor, width, kind):
    anchor, width = lax.stop_gradient((anchor, width))
    eps = jnp.finfo(anchor.dtype).eps
    unresolved = 16 * eps * jnp.abs(anchor) / jnp.where(width == 0, 1.0, jnp.abs(width))
    near_end = jnp.clip(unresolved, eps, 0.05) ** 0.25
    far_out = (1e-6 if eps > 1e-10 else 1e-12) ** 0.25
    return jnp.where(kind == INTERIOR, 0.0, jnp.where(kind >= LEFT_TAIL, far_out, near_end))


class Survey(NamedTuple):
    """What is known of each piece: the integrals over it of all functions, and their errors."""

    pieces: Pieces
    values: jax.Array
    errors: jax.Array


def _limits(dtype) -> tuple[int, float]:
    """How often pieces are halved at most, and the relative error at which they no longer are."""
    return (16, 3e-6) if jnp.finfo(dtype).eps > 1e-10 else (32, 1e-13)


def refine(panels: Panels, integrand: Callable) -> Survey:
    """Halves, round by round, the pieces on which `integrand(x)` is integrated worst.

    The integrand returns the values of one function, or a tuple of several: then a piece is as
    bad as its worst share, relative to the whole, of any of them. It ends when the errors of the
    pieces sum up to next to nothing, or after a fixed number of rounds.
    """
    panels = lax.stop_gradient(panels)
    count, dtype = panels.anchor.shape[0], panels.anchor.dtype
    rounds, tolerance = _limits(dtype)

    def survey(pieces):
        values = jax.tree.leaves(evaluate(panels, pieces, integrand))
        rules = jnp.asarray(np.stack([KRONROD, *NULL_RULES], axis=1), dtype)
        sums = jnp.stack([v @ rules for v in values], axis=-1)
        sums = sums * (pieces.stop - pieces.start)[:, None, None]
        integrals, errors = sums[:, 0], jnp.max(jnp.abs(sums[:, 1:]), axis=1)
        return Survey(pieces, integrals, jnp.where(jnp.isfinite(errors), errors, 0.0))

    def relative(known):
        sizes = jnp.abs(known.values)
        sizes = jnp.sum(jnp.where(jnp.isfinite(sizes), sizes, 0.0), axis=0)
        return known.errors / jnp.maximum(sizes, jnp.finfo(dtype).tiny)

    def unfinished(carry):
        number, known = carry
        return (number < rounds) & jnp.any(jnp.sum(relative(known), axis=0) > tolerance)

    def step(carry):
        number, known = carry
        _, worst = lax.top_k(jnp.max(relative(known), axis=1), HALVED)
        added = count + HALVED * number + jnp.arange(HALVED)
        panel, start, stop = (a[worst] for a in known.pieces)
        middle = (start + stop) / 2
        halves = Pieces(
            *(jnp.concatenate(a) for a in ((panel, panel), (start, middle), (middle, stop)))
        )
        where = jnp.concatenate([worst, added])
        fresh = survey(halves)
        return number + 1, jax.tree.map(lambda old, new: old.at[where].set(new), known, fresh)

    first = survey(Pieces(jnp.arange(count), panels.start, jnp.ones(count, dtype)))
    room = rounds * HALVED
    known = jax.tree.map(lambda a: jnp.pad(a, ((0, room), *((0, 0),) * (a.ndim - 1))), first)
    _, known = lax.while_loop(unfinished, step, (0, known))
    return known


def nodes(panels: Panels, pieces: Pieces) -> tuple[jax.Array, jax.Array]:
    """The values of x and dx/dt at the 15 nodes of every piece."""
    t = pieces.start[:, None] + (pieces.stop - pieces.start)[:, None] * jnp.asarray(
        NODES, pieces.start.dtype
    )
    return panels.locate(pieces.panel, t)


def evaluate(panels: Panels, pieces: Pieces, integrand: Callable):
    """integrand(x) dx/dt at the nodes, with 0 on pieces of no width."""
    x, slope = nodes(panels, pieces)
    used = ((pieces.stop > pieces.start) & (panels.width[pieces.panel] != 0))[:, None]
    values = integrand(jnp.where(used, x, lax.stop_gradient(panels.anchor[0])))
    return jax.tree.map(lambda v: jnp.where(used & (v != 0), v * slope, 0.0), values)


class Limits(NamedTuple):
    """Two points on each panel at a limit, t = start and twice that; x, dx/dt, start and use."""

    x: jax.Array
    slope: jax.Array
    start: jax.Array
    used: jax.Array


def limits(panels: Panels) -> Limits:
    """Where functions are looked at to continue them to the ends and the infinities."""
    index = panels.at_limits
    used = (panels.kind[index] != INTERIOR) & (panels.width[index] != 0)
    start = jnp.where(used, panels.start[index], 0.5)
    x, slope = panels.locate(index, start[:, None] * jnp.array([1.0, 2.0], start.dtype))
    x = jnp.where(used[:, None], x, lax.stop_gradient(panels.anchor[0]))
    return Limits(x, slope, start, used)


def remainder(limits: Limits, values: jax.Array) -> jax.Array:
    """∫ from t = 0 to the start of each panel at a limit, of a function that goes like t^c there.

    c is read off its two values. With c <= -1 the integral has no bound.
    """
    near = jnp.where(values != 0, values * limits.slope, 0.0)
    matters = limits.used & (near[:, 0] * near[:, 1] > 0) & jnp.all(jnp.isfinite(near), axis=-1)
    near = jnp.where(matters[:, None], near, 1.0)
    power = jnp.log2(lax.stop_gradient(near[:, 1] / near[:, 0]))
    rest = near[:, 0] * limits.start / (1 + power)
    rest = jnp.where(power > -0.99, rest, jnp.sign(near[:, 0]) * jnp.inf)
    return jnp.where(matters, rest, 0.0)


def remainders(panels: Panels, integrand: Callable):
    """What `remainder` says of each function that integrand(x) returns."""
    at = limits(panels)
    return jax.tree.map(partial(remainder, at), integrand(at.x))


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def integrate(integrand: Callable, parameters, panels: Panels) -> tuple[jax.Array, ...]:
    """∫ f(x) dx over all panels for each f of the tuple that integrand(parameters, x) returns.

    It is `inf` or `-inf` where an integral has no bound. `integrand` must not depend on traced
    values other than its arguments.
    """
    known = refine(panels, lambda x: integrand(parameters, x))
    rest = remainders(panels, lambda x: integrand(parameters, x))
    resolved = jnp.sum(known.values, axis=0)
    return tuple(a + jnp.sum(b) for a, b in zip(resolved, rest, strict=True))


@integrate.defjvp
def _integrate_jvp(integrand, primals, tangents):
    """Where the line is halved carries no gradient: it is that of the sum over the last pieces."""
    parameters, panels = lax.stop_gradient(primals)
    pieces = refine(panels, lambda x: integrand(parameters, x)).pieces

    def over_pieces(parameters, panels):
        values = evaluate(panels, pieces, lambda x: integrand(parameters, x))
        rest = remainders(panels, lambda x: integrand(parameters, x))
        weights = (pieces.stop - pieces.start)[:, None] * jnp.asarray(KRONROD, pieces.stop.dtype)
        return tuple(jnp.sum(v * weights) + jnp.sum(r) for v, r in zip(values, rest, strict=True))

    return jax.jvp(over_pieces, primals, tangents)


def integral(integrand: Callable, p: Packed, q: Packed, *options) -> tuple[jax.Array, ...]:
    """∫ integrand(*options, log p(x), log q(x)) dx, ∫ p dx and ∫ q dx.

    The integrand may return a tuple of several. The last two are 1 where the nodes resolve p and q:
    the self-check behind every quadrature.
    """

    def functions(parameters, x):
        p, q, *options = parameters
        # Behind the barrier each density is computed once, not once for each of the three.
        log_p, log_q = lax.optimization_barrier(
            tuple(log_density(d.distribution, x) for d in (p, q))
        )
        values = jax.tree.leaves(integrand(*options, log_p, log_q))
        return *values, jnp.exp(log_p), jnp.exp(log_q)

    panels = cut_line(p.distribution, q.distribution)
    return integrate(functions, (p, q, *options), panels)


def entropy(p: Packed) -> tuple[jax.Array, ...]:
    """-∫ p log p dx and ∫ p dx."""

    def functions(p, x):
        log_p = log_density(p.distribution, x)
        return surprise(log_p, log_p), jnp.exp(log_p)

    return integrate(functions, p, cut_line(p.distribution))


def total_mass(p: Packed) -> jax.Array:
    """∫ p, which is 1 where the nodes resolve p."""

    def density(p, x):
        return (jnp.exp(log_density(p.distribution, x)),)

    return integrate(density, p, cut_line(p.distribution))[0]
