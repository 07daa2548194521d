"""Integrals over the line that depend on two densities, to near rounding error.

The line is cut at the ends of the supports and where either distribution has mass. On each panel
an integral is a Gauss-Kronrod sum of 15 nodes; the worst panels are halved a fixed number of
times, so that the same program serves every value of the parameters: it runs under `jit`, `vmap`
and `grad`. The way the line is cut carries no gradient, but the ends of the supports do, so the
derivative with respect to, say, the end of a uniform distribution is exact.

What falls short: next to an end of a support other than 0, where x cannot come close enough to the
end, a density that is infinite there (a Beta with a parameter below 1) costs digits: up to 5e-3 of
the value in 32 bits, 1e-7 in 64.
"""

from collections.abc import Callable
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

HALVED = 16  # how many pieces, the worst, are halved at a time
INTERIOR, LEFT_END, RIGHT_END, LEFT_TAIL, RIGHT_TAIL = range(5)


class Panels(NamedTuple):
    """Stretches of the line, each with its own coordinate t from `start` to 1.

    x = anchor + width * t inside, anchor + width * t^4 next to the end of a support (a density
    like x^(-1/2) becomes smooth in t), anchor + width * t^-4 in a tail (so does one like x^-2).
    What lies between t = 0 and `start` is too near an end, or too far out, for floating point;
    there the integrand is continued as a power of t.
    """

    anchor: jax.Array
    width: jax.Array
    kind: jax.Array
    start: jax.Array

    def locate(self, index, t):
        """x, dx/dt at coordinate t of panel `index`; `t` has one more axis than `index`."""
        anchor, width, kind, _ = (a[index][..., None] for a in self)
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
    is_end = jnp.zeros(cuts.shape, bool).at[inside.size : inside.size + ends.size].set(True)
    order = jnp.argsort(lax.stop_gradient(cuts))
    cuts, is_end = cuts[order], is_end[order]
    # Equal cuts may come in any order: each is an end if any of them is one.
    is_end = jnp.any((cuts[:, None] == cuts[None, :]) & is_end[None, :], axis=1)

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
    return Panels(anchor, width, kind, _starts(anchor, width, kind))


def _beside(ends: jax.Array, inside: jax.Array) -> list[jax.Array]:
    """For each end a cut on either side, halfway to the next, so that no stretch has two ends."""
    cuts = lax.stop_gradient(jnp.concatenate([inside, ends]))
    if not ends.size:
        return []
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


def _rounds(dtype) -> int:
    """How often pieces are halved: what it takes for a kink to cost no more than rounding."""
    return 8 if jnp.finfo(dtype).eps > 1e-10 else 16


def refine(panels: Panels, integrand: Callable) -> Pieces:
    """Halves, round by round, the pieces on which `integrand(x)` is integrated worst.

    The integrand has the shape of x, or of x with a leading axis of several functions: then a
    piece is as bad as its worst share, relative to the whole, of any of them.
    """
    panels = lax.stop_gradient(panels)
    count, batch = panels.anchor.shape[0], 2 * HALVED
    surveys = -(-count // batch)  # rounds that only look at the panels as they are
    rounds = _rounds(panels.anchor.dtype)
    total = surveys * batch + rounds * HALVED

    def sizes(pieces):
        values, _ = evaluate(panels, pieces, integrand)
        values = values.reshape(-1, *values.shape[-2:])
        rules = jnp.asarray(np.stack([KRONROD - GAUSS, KRONROD], axis=1), values.dtype)
        size = jnp.abs(values @ rules) * (pieces.stop - pieces.start)[:, None]
        size = jnp.where(jnp.isfinite(size), size, 0.0)
        return size[..., 0].T, size[..., 1].T

    def step(carry, number):
        pieces, error, size = carry
        relative = error / jnp.maximum(jnp.sum(size, axis=0), jnp.finfo(size.dtype).tiny)
        _, worst = lax.top_k(jnp.max(relative, axis=1), HALVED)
        added = batch * surveys + HALVED * (number - surveys) + jnp.arange(HALVED)
        middle = (pieces.start[worst] + pieces.stop[worst]) / 2
        halved = Pieces(
            pieces.panel.at[added].set(pieces.panel[worst]),
            pieces.start.at[added].set(middle),
            pieces.stop.at[added].set(pieces.stop[worst]).at[worst].set(middle),
        )
        surveying = number < surveys
        pieces = Pieces(*(jnp.where(surveying, *ab) for ab in zip(pieces, halved, strict=True)))
        fresh = jnp.where(
            surveying, batch * number + jnp.arange(batch), jnp.concatenate([worst, added])
        )
        new_error, new_size = sizes(Pieces(*(a[fresh] for a in pieces)))
        return (pieces, error.at[fresh].set(new_error), size.at[fresh].set(new_size)), None

    unused = jnp.zeros(total - count)
    pieces = Pieces(
        jnp.concatenate([jnp.arange(count), jnp.zeros(total - count, int)]),
        jnp.concatenate([panels.start, unused]),
        jnp.concatenate([jnp.ones(count), unused]),
    )
    functions = jax.eval_shape(integrand, jnp.zeros((1, 15))).size // 15
    nothing = jnp.zeros((total, functions))
    numbers = jnp.arange(surveys + rounds)
    (pieces, _, _), _ = lax.scan(step, (pieces, nothing, nothing), numbers)
    return lax.stop_gradient(pieces)


def nodes(panels: Panels, pieces: Pieces) -> tuple[jax.Array, jax.Array]:
    """The values of x and dx/dt at the 15 nodes of every piece."""
    t = pieces.start[:, None] + (pieces.stop - pieces.start)[:, None] * jnp.asarray(
        NODES, pieces.start.dtype
    )
    return panels.locate(pieces.panel, t)


def evaluate(panels: Panels, pieces: Pieces, integrand: Callable) -> tuple[jax.Array, jax.Array]:
    """integrand(x) dx/dt at the nodes, with 0 on pieces of no width, and x."""
    x, slope = nodes(panels, pieces)
    used = ((pieces.stop > pieces.start) & (panels.width[pieces.panel] != 0))[:, None]
    value = integrand(jnp.where(used, x, lax.stop_gradient(panels.anchor[0])))
    return jnp.where(used & (value != 0), value * slope, 0.0), x


def remainders(panels: Panels, integrand: Callable) -> jax.Array:
    """∫ from t = 0 to the start of each panel, where the integrand goes like t^c; 0 inside.

    c is read off two points, t = start and twice that. With c <= -1 the integral has no bound.
    """
    at_limit = (panels.kind != INTERIOR) & (panels.width != 0)
    start = jnp.where(at_limit, panels.start, 0.5)
    index = jnp.arange(start.shape[0])
    x, slope = panels.locate(index, start[:, None] * jnp.array([1.0, 2.0], start.dtype))
    value = integrand(jnp.where(at_limit[:, None], x, lax.stop_gradient(panels.anchor[0])))
    near = jnp.where(value != 0, value * slope, 0.0)
    matters = at_limit & (near[..., 0] * near[..., 1] > 0) & jnp.all(jnp.isfinite(near), axis=-1)
    near = jnp.where(matters[..., None], near, 1.0)
    power = jnp.log2(lax.stop_gradient(near[..., 1] / near[..., 0]))
    rest = near[..., 0] * start / (1 + power)
    rest = jnp.where(power > -0.99, rest, jnp.sign(near[..., 0]) * jnp.inf)
    return jnp.where(matters, rest, 0.0)


def integrate(integrand: Callable, parameters, panels: Panels) -> jax.Array:
    """∫ integrand(parameters, x) dx over all panels, for each function along a leading axis.

    It is `inf` or `-inf` where the integral has no bound.
    """
    fixed = lax.stop_gradient(parameters)  # where the line is halved carries no gradient
    pieces = refine(panels, lambda x: integrand(fixed, x))
    values, _ = evaluate(panels, pieces, lambda x: integrand(parameters, x))
    resolved = values @ jnp.asarray(KRONROD, values.dtype) @ (pieces.stop - pieces.start)
    rest = remainders(panels, lambda x: integrand(parameters, x))
    return resolved + jnp.sum(rest, axis=-1)


def integral(integrand: Callable, p: Packed, q: Packed) -> tuple[jax.Array, ...]:
    """∫ integrand(log p(x), log q(x)) dx, ∫ p dx and ∫ q dx.

    The last two are 1 where the nodes resolve p and q: the self-check behind every quadrature.
    """

    def functions(distributions, x):
        log_p, log_q = (log_density(d.distribution, x) for d in distributions)
        return jnp.stack([integrand(log_p, log_q), jnp.exp(log_p), jnp.exp(log_q)])

    return tuple(integrate(functions, (p, q), cut_line(p.distribution, q.distribution)))


def entropy(p: Packed) -> tuple[jax.Array, jax.Array]:
    """-∫ p log p dx and ∫ p dx."""

    def functions(p, x):
        log_p = log_density(p.distribution, x)
        return jnp.stack([surprise(log_p, log_p), jnp.exp(log_p)])

    return tuple(integrate(functions, p, cut_line(p.distribution)))


def total_mass(p: Packed) -> jax.Array:
    """∫ p, which is 1 where the nodes resolve p."""

    def density(p, x):
        return jnp.exp(log_density(p.distribution, x))

    return integrate(density, p, cut_line(p.distribution))
