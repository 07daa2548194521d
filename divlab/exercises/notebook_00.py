"""Exercises of 00, start here."""

import math

from numpyro.distributions import Normal

import divlab
from divlab.exercises.answers import Exercise, Formula, Mistake

_P, _Q = Normal(0.0, 1.0), Normal(1.0, 1.0)


def _first_solution() -> str:
    return (
        "For two Gaussians of equal spread $\\mathrm{KL} = \\delta^2 / 2\\sigma^2$, here "
        f"{float(divlab.kl(_P, _Q)):.3f} nats."
    )


EXERCISES = (
    Exercise(
        question="What is $\\mathrm{KL}(P\\,\\|\\,Q)$ of $P = N(0, 1)$ and $Q = N(1, 1)$, in nats?",
        answer=Formula(
            lambda: divlab.kl(_P, _Q),
            unit="nats",
            mistakes=(
                Mistake(
                    lambda: 2 * divlab.kl(_P, _Q), "You forgot the ½ in $\\delta^2/2\\sigma^2$."
                ),
                Mistake(
                    lambda: divlab.kl(_P, _Q) / math.log(2),
                    "That is in bits; divlab counts in nats, with the natural logarithm.",
                ),
            ),
        ),
        hint="Write out $\\log p(x) - \\log q(x)$ and take its mean under $P$.",
        solution=_first_solution,
        explorer="divergences",
        state={"separation": 1.0},
    ),
)
