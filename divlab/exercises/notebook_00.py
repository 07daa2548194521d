"""Exercises of 00, start here."""

import math

from jaxtyping import Array, Float
from numpyro.distributions import Normal

import divlab
from divlab.exercises.answers import Choice, Exercise, Formula, Mistake
from divlab.languages import listed, phrase

_P, _Q = Normal(0.0, 1.0), Normal(1.0, 1.0)
_WIDE = Normal(1.0, 2.0)
_DIVERGENCES = {
    "KL": divlab.kl,
    "χ²": divlab.chi2,
    "Jensen–Shannon": divlab.js,
    "the reverse KL": divlab.reverse_kl,
}


def _first_solution() -> str:
    return phrase(
        "For two Gaussians of equal spread $\\mathrm{KL} = \\delta^2 / 2\\sigma^2$, here "
        "{kl:.3f} nats.",
        kl=float(divlab.kl(_P, _Q)),
    )


def _kl_from_standard(mu: float, sigma: float) -> Float[Array, ""]:
    return divlab.kl(_P, Normal(mu, sigma))


def _second_solution() -> str:
    value = float(_kl_from_standard(1.0, 2.0))
    return phrase(
        "Put $\\mu_1 = 0$, $\\sigma_1 = 1$, $\\mu_2 = \\mu$ and $\\sigma_2 = \\sigma$ into "
        "the closed form: $\\log\\sigma + \\frac{1 + \\mu^2}{2\\sigma^2} - \\frac12$. At "
        "$\\mu = 1$ and $\\sigma = 2$ it is {value:.5f} nats, as in the notebook.",
        value=value,
    )


def _gap(name: str) -> float:
    divergence = _DIVERGENCES[name]
    there, back = float(divergence(_P, _WIDE)), float(divergence(_WIDE, _P))
    return 0.0 if there == back else abs(there - back)


def _symmetric() -> str:
    return min(_DIVERGENCES, key=_gap)


def _third_solution() -> str:
    shown = []
    for name, divergence in _DIVERGENCES.items():
        there, back = float(divergence(_P, _WIDE)), float(divergence(_WIDE, _P))
        back_text = "∞" if math.isinf(back) else f"{back:.3f}"
        there_text = "∞" if math.isinf(there) else f"{there:.3f}"
        shown.append(
            phrase(
                "{name}: {there_text} and {back_text}",
                name=phrase(name),
                there_text=there_text,
                back_text=back_text,
            )
        )
    return phrase(
        "Between $N(0, 1)$ and $N(1, 2^2)$, in both orders: {shown}. In JS both distributions are "
        "compared with their mixture, and swapping them changes nothing.",
        shown=listed(shown, "; "),
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
        state={"separation": 1.0, "scale": 1.0},
    ),
    Exercise(
        question="Write $\\mathrm{KL}(P\\,\\|\\,Q)$ of $P = N(0, 1)$ and $Q = N(\\mu, \\sigma^2)$ "
        "as a formula in mu and sigma, in nats.",
        answer=Formula(
            _kl_from_standard,
            at={"mu": (0.5, 2.0), "sigma": (0.7, 1.5)},
            written="log(sigma) + (1 + mu^2)/(2*sigma^2) - 1/2",
            unit="nats",
            mistakes=(
                Mistake(
                    "-log(sigma) + (sigma^2 + mu^2)/2 - 1/2",
                    "That is $\\mathrm{KL}(Q\\,\\|\\,P)$: the mean has to be taken over points "
                    "from $P$.",
                ),
                Mistake(
                    "log(sigma) + (1 + mu^2)/(2*sigma^2)",
                    "The $-\\frac12$ is missing: the mean of $(x - \\mu_1)^2 / 2\\sigma_1^2$.",
                ),
                Mistake(
                    "log(sigma) + (1 + mu^2)/(2*sigma) - 1/2",
                    "Divide by the variance $\\sigma^2$, not by $\\sigma$.",
                ),
                Mistake(
                    "log(sigma) + mu^2/(2*sigma^2) - 1/2",
                    "The mean of $(x - \\mu)^2$ under $P$ is $1 + \\mu^2$: the variance of $P$ "
                    "belongs to it.",
                ),
            ),
        ),
        hint="Use the closed form above, with $\\mu_1 = 0$ and $\\sigma_1 = 1$.",
        solution=_second_solution,
        explorer="divergences",
        state={"separation": 1.0, "scale": 2.0},
    ),
    Exercise(
        question="Which of these does not change when $P$ and $Q$ are swapped?",
        answer=Choice(
            tuple(_DIVERGENCES),
            _symmetric,
            mistakes=(
                Mistake(
                    "KL", "For $N(0, 1)$ and $N(1, 2^2)$ it is 0.443 one way, 1.307 the other."
                ),
                Mistake("χ²", "Its integrand $(p - q)^2 / q$ divides by one of the two only."),
                Mistake("the reverse KL", "It is KL with the roles swapped, and KL has an order."),
            ),
        ),
        hint="Look at the definitions: in which one do $P$ and $Q$ play the same role?",
        solution=_third_solution,
        explorer="divergences",
        state={"separation": 1.0, "scale": 2.0},
    ),
)
