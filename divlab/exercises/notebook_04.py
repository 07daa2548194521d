"""Exercises of 04, disjoint supports."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpyro.distributions import Normal, Uniform

import divlab
from divlab.evidence import slopes_in_shift
from divlab.exercises.answers import Choice, Exercise, Formula, Mistake
from divlab.languages import phrase
from divlab.models.objectives import Batch


def _js_of_shift(theta: float) -> Any:
    return divlab.js(Uniform(0.0, 1.0), Uniform(theta, 1.0 + theta))


def _js_solution() -> str:
    return phrase(
        "On the overlap both densities are equal, which adds nothing. On two stretches of "
        "length $\\theta$ one density is twice the mean, which adds $\\frac12\\log 2$ per "
        "unit of length. So $\\mathrm{JS} = \\theta\\log 2$; for $\\theta = 0.5$ it is "
        "{js:.4f} nats.",
        js=float(_js_of_shift(0.5)),
    )


def _kl_slope(delta: float, sigma: float) -> Any:
    of_shift = jax.grad(lambda shift: divlab.kl(Normal(0.0, sigma), Normal(shift, sigma)))
    return of_shift(delta)


def _kl_slope_solution() -> str:
    return phrase(
        "$\\mathrm{KL} = \\delta^2/2\\sigma^2$, and its derivative is $\\delta/\\sigma^2$. "
        "For $\\delta = 4$, $\\sigma = 1$ it is {slope:.3f} nats per unit of $x$.",
        slope=float(_kl_slope(4.0, 1.0)),
    )


_LABELS = {"KL": "kl", "JS": "js", "W₁": "wasserstein"}


def _slopes_apart() -> dict[str, float]:
    table = slopes_in_shift(lambda shift: Uniform(shift, 1.0 + shift), [3.0], _LABELS.values())
    return {label: table["slope"].sel(divergence=n).item() for label, n in _LABELS.items()}


def _pulls() -> str:
    (found,) = [name for name, slope in _slopes_apart().items() if abs(slope) > 1e-6]
    return found


def _pulls_solution() -> str:
    slopes = _slopes_apart()
    return phrase(
        "The slope of JS is {js:.3f}, that of $W_1$ is {wasserstein:.3f}. KL is infinite "
        "here and at every shift near 3, so it has no slope ({kl}).",
        js=abs(slopes["JS"]),
        wasserstein=slopes["W₁"],
        kl=slopes["KL"],
    )


_PENALTY, _APART = 10.0, 4.0


def _loss_of_slope(slope: float) -> float:
    """The critic's loss of f(x) = -slope·x; the generated points are 4 above the data."""
    real = jnp.linspace(-1.0, 1.0, 9)
    batch = Batch(real, real + _APART, real[:, None], jax.random.key(0))
    networks = {"critic": lambda x: -slope * x[:, None]}
    game = divlab.objectives.WassersteinGP(penalty=_PENALTY)
    return float(game.critic_loss(networks, batch))


def _best_slope() -> float:
    # Above 1 the loss is a parabola in the slope, and three points give its lowest one.
    at = np.array([1.0, 2.0, 3.0])
    square, linear, _ = np.polyfit(at, [_loss_of_slope(s) for s in at.tolist()], 2)
    return float(-linear / (2 * square))


def _penalty_solution() -> str:
    return phrase(
        "The critic gains $s\\,\\delta$ and pays $\\lambda(s-1)^2$. The derivative $\\delta "
        "- 2\\lambda(s-1)$ is 0 at $s = 1 + \\delta/2\\lambda$, here {slope:.3f}. With "
        "$\\lambda = 1$ it would be 3: the penalty bounds the slope the less, the farther "
        "the points are.",
        slope=_best_slope(),
    )


_LOSSES = {
    "only log(1 - D), minimax": (True, False),
    "only -log D, non-saturating": (False, True),
    "both": (True, True),
    "neither": (False, False),
}


def _best_signals() -> tuple[float, float]:
    """The minimax and the non-saturating one: 2·JS', and (KL - 2·JS)'."""
    slope = slopes_in_shift(lambda shift: Normal(shift, 1.0), [8.0], ["kl", "js"])["slope"]
    kl, js = (abs(slope.sel(divergence=name).item()) for name in ("kl", "js"))
    return 2 * js, kl - 2 * js


def _still_moves() -> str:
    moved = tuple(signal > 0.01 for signal in _best_signals())
    (found,) = [text for text, expected in _LOSSES.items() if expected == moved]
    return found


def _losses_solution() -> str:
    minimax, other = _best_signals()
    return phrase(
        "The slope of the logit is $-\\delta/\\sigma^2 = -8$. Minimax multiplies it by "
        "$D^*$, which is almost 0 at the generated points: {minimax:.6f}. Non-saturating "
        "multiplies it by $1 - D^*$, which is almost 1: {other:.3f}.",
        minimax=minimax,
        other=other,
    )


EXERCISES = (
    Exercise(
        question=(
            "What is $\\mathrm{JS}$ of $U(0, 1)$ and $U(\\theta, 1 + \\theta)$ for "
            "$0 < \\theta < 1$, in nats? Write theta for $\\theta$."
        ),
        answer=Formula(
            _js_of_shift,
            at={"theta": (0.2, 0.7)},
            written="theta*log(2)",
            unit="nats",
            mistakes=(
                Mistake("theta", "That is in bits (and it is the total variation)."),
                Mistake(
                    "theta*log(2)/2",
                    "There are two stretches of length $\\theta$: one where only $p$ is positive, "
                    "and one where only $q$ is.",
                ),
                Mistake("log(2)", "That is the value once they are disjoint, $\\theta \\ge 1$."),
                Mistake("sqrt(theta*log(2))", "That is the root of JS, which is a metric."),
            ),
        ),
        hint="Where is $p = q$? And what is $\\log(p/m)$ where $q = 0$?",
        solution=_js_solution,
        explorer="disjoint_supports",
        state={"family": "two Uniforms", "separation": 0.5, "scale": 1.0},
    ),
    Exercise(
        question=(
            "$P = N(0, \\sigma^2)$ and $Q = N(\\delta, \\sigma^2)$. What is the slope of "
            "$\\mathrm{KL}(P\\,\\|\\,Q)$ in $\\delta$? Write delta and sigma."
        ),
        answer=Formula(
            _kl_slope,
            at={"delta": (0.5, 4.0), "sigma": (0.7, 1.5)},
            written="delta/sigma^2",
            unit="nats per unit of x",
            mistakes=(
                Mistake("delta^2/(2*sigma^2)", "That is KL itself; take its derivative."),
                Mistake("delta/sigma", "KL has the variance $\\sigma^2$ below, not $\\sigma$."),
                Mistake(
                    "delta/(2*sigma^2)", "The derivative of $\\delta^2/2$ is $\\delta$, not half."
                ),
                Mistake("1", "That is the slope of $W_1$."),
            ),
        ),
        hint="$\\mathrm{KL} = \\delta^2/2\\sigma^2$.",
        solution=_kl_slope_solution,
        explorer="disjoint_supports",
        state={"family": "two Gaussians", "separation": 4.0, "scale": 1.0},
    ),
    Exercise(
        question=(
            "The data are $U(0, 1)$, the generated points $U(3, 4)$. The gradient of which "
            "divergence says that the points should move to the left?"
        ),
        answer=Choice(
            tuple(_LABELS),
            _pulls,
            mistakes=(
                Mistake(
                    "KL", "KL is infinite for every small shift: there is no gradient to follow."
                ),
                Mistake("JS", "JS is $\\log 2$ here and at every shift nearby: it is flat."),
            ),
        ),
        hint="Shift the points a little. Which of the three numbers changes?",
        solution=_pulls_solution,
        explorer="disjoint_supports",
        state={"family": "two Uniforms", "separation": 3.0, "scale": 1.0},
    ),
    Exercise(
        question=(
            "Data and generated points are $\\delta = 4$ apart. The critic of a WGAN-GP has the "
            "penalty $\\lambda = 10$. How steep is the best linear critic?"
        ),
        answer=Formula(
            _best_slope,
            unit="score per unit of x",
            mistakes=(
                Mistake(
                    lambda: 1.0,
                    "That is the slope if it must not be above 1. A penalty only makes it costly.",
                ),
                Mistake(
                    lambda: 1.0 + _APART / _PENALTY,
                    "The derivative of $\\lambda(s-1)^2$ is $2\\lambda(s-1)$: you forgot the 2.",
                ),
                Mistake(
                    lambda: 1.0 + _APART / 2,
                    "That is for a penalty of 1.",
                ),
                Mistake(
                    lambda: _APART / (2 * _PENALTY),
                    "That is how far it is above 1; add the 1.",
                ),
            ),
        ),
        hint="It gains $s\\,\\delta$ and pays $\\lambda(s-1)^2$.",
        solution=_penalty_solution,
        explorer="wasserstein_gan",
    ),
    Exercise(
        question=(
            "The data are $N(0, 1)$, the generated points $N(8, 1)$, and the discriminator is the "
            "best there is. Which loss of the generator still moves the points?"
        ),
        answer=Choice(
            tuple(_LOSSES),
            _still_moves,
            mistakes=(
                Mistake(
                    "only log(1 - D), minimax",
                    "Its slope has the factor $D$, which is almost 0 where the data are not.",
                ),
                Mistake("both", "One of the two slopes has the factor $D$, which is almost 0."),
                Mistake(
                    "neither",
                    "That would be so if the logit were flat. Between two Gaussians it is a line.",
                ),
            ),
        ),
        hint="Differentiate $\\log(1 - D)$ and $-\\log D$ with $D = 1/(1 + e^{-r})$.",
        solution=_losses_solution,
        explorer="gan_game",
    ),
)
