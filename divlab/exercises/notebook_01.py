"""Exercises of 01, the NLL is KL plus a constant."""

import math

from numpyro.distributions import Normal

import divlab
from divlab.exercises.answers import Choice, Exercise, Formula, Mistake
from divlab.languages import phrase

_P, _Q = Normal(0.0, 1.0), Normal(1.0, 2.0)
_NARROW = Normal(0.0, 0.05), Normal(0.0, 0.1)
_BROAD = Normal(0.0, 1.0), Normal(0.0, 1.1)
_FIRST, _SECOND, _NEITHER = "the first model", "the second model", "both are equally close"


def _minutes() -> float:
    data = divlab.targets.two_gaussians(separation=4.0, scale=0.5)
    return float(divlab.cross_entropy(data, Normal(1.0, 1.5)))


def _seconds() -> float:
    data = divlab.targets.two_gaussians(separation=240.0, scale=30.0)
    return float(divlab.cross_entropy(data, Normal(60.0, 90.0)))


def _closer() -> str:
    first, second = float(divlab.kl(*_NARROW)), float(divlab.kl(*_BROAD))
    return _FIRST if first < second else _SECOND


def _entropy_solution() -> str:
    border = 1 / math.sqrt(2 * math.pi * math.e)
    return phrase(
        "$-\\log p(x) = \\log(\\sigma\\sqrt{2\\pi}) + (x-\\mu)^2/2\\sigma^2$. The mean of "
        "the last term is $\\sigma^2/2\\sigma^2 = \\frac12 = \\log\\sqrt e$. So $H = "
        "\\log(\\sigma\\sqrt{2\\pi e})$: {entropy:.4f} nats for $\\sigma = 1$, and negative "
        "below $\\sigma = {border:.3f}$.",
        entropy=float(divlab.entropy(Normal(0.0, 1.0))),
        border=border,
    )


def _nll_solution() -> str:
    kl, entropy = float(divlab.kl(_P, _Q)), float(divlab.entropy(_P))
    return phrase(
        "$\\mathrm{NLL} = \\log(2\\sqrt{2\\pi}) + \\mathbb E[(x-1)^2]/(2\\cdot 2^2)$, and "
        "$\\mathbb E[(x-1)^2] = 1 + 1 = 2$ (variance plus squared distance of the means). "
        "This is {nll:.4f} nats: a KL of {kl:.4f} and an entropy of {entropy:.4f}.",
        nll=float(divlab.cross_entropy(_P, _Q)),
        kl=kl,
        entropy=entropy,
    )


def _closer_solution() -> str:
    found = [
        (float(divlab.cross_entropy(*pair)), float(divlab.kl(*pair))) for pair in (_NARROW, _BROAD)
    ]
    return phrase(
        "The first has an NLL of {nll:.3f} nats and a KL of {kl:.3f}; the second an NLL of "
        "{other_nll:.3f} and a KL of {other_kl:.4f}. The first NLL is low only because the "
        "entropy of its data is low.",
        nll=found[0][0],
        kl=found[0][1],
        other_nll=found[1][0],
        other_kl=found[1][1],
    )


def _units_solution() -> str:
    return phrase(
        "With $y = 60x$ the density of $y$ is the density of $x$ divided by 60. So $-\\log$ "
        "of it grows by $\\log 60 = {log:.4f}$, and the NLL is now {nll:.4f} nats. KL does "
        "not change: the factor 60 cancels in $p/p_\\theta$.",
        log=math.log(60),
        nll=_seconds(),
    )


EXERCISES = (
    Exercise(
        question=(
            "What is the entropy of $N(\\mu, \\sigma^2)$ in nats? Write a formula in "
            "<code>sigma</code>."
        ),
        answer=Formula(
            lambda sigma: divlab.entropy(Normal(0.0, sigma)),
            at={"sigma": (0.1, 0.7, 3.0)},
            written="log(sigma*sqrt(2*pi*e))",
            unit="nats",
            mistakes=(
                Mistake(
                    "log(sigma*sqrt(2*pi))",
                    "The mean of $(x-\\mu)^2/2\\sigma^2$ is ½. You left that ½ out.",
                ),
                Mistake(
                    "log(2*pi*e*sigma^2)",
                    "You forgot the ½ in front: it is a square root inside the logarithm.",
                ),
                Mistake(
                    "log(2*pi*e*sigma)/2",
                    "The variance is $\\sigma^2$; you put $\\sigma$ in its place.",
                ),
                Mistake(
                    "log2(sigma*sqrt(2*pi*e))",
                    "That is in bits. For nats, take the natural logarithm.",
                ),
                Mistake(
                    "-log(sigma*sqrt(2*pi*e))",
                    "The sign is wrong: a wider density has a larger entropy.",
                ),
            ),
        ),
        hint="Write $-\\log p(x)$ as a sum of two terms and take the mean of each.",
        solution=_entropy_solution,
        explorer="nll_is_kl",
        state={"separation": 0.0, "scale": 1.0},
    ),
    Exercise(
        question=(
            "The data are $N(0, 1)$ and the model is $N(1, 2^2)$, of scale 2. What is the expected "
            "NLL, in nats?"
        ),
        answer=Formula(
            lambda: divlab.cross_entropy(_P, _Q),
            unit="nats",
            mistakes=(
                Mistake(
                    lambda: divlab.kl(_P, _Q),
                    "That is KL. The NLL is larger by the entropy of the data.",
                ),
                Mistake(
                    lambda: divlab.cross_entropy(_Q, _P),
                    "You swapped them: the mean is over the data, the logarithm is of the model.",
                ),
                Mistake(
                    lambda: divlab.cross_entropy(_P, _Q) / math.log(2),
                    "That is in bits; divlab counts in nats, with the natural logarithm.",
                ),
                Mistake(
                    lambda: divlab.cross_entropy(_P, Normal(1.0, math.sqrt(2.0))),
                    "You took 2 as the variance. It is the scale; the variance is 4.",
                ),
                Mistake(
                    lambda: divlab.cross_entropy(_P, Normal(0.0, 2.0)),
                    "The model's mean is 1, so $\\mathbb E[(x-1)^2] = 2$ and not 1.",
                ),
            ),
        ),
        hint="$-\\log p_\\theta(x) = \\log(2\\sqrt{2\\pi}) + (x-1)^2/8$; what is its mean?",
        solution=_nll_solution,
        explorer="nll_is_kl",
        state={"separation": 0.0, "scale": 1.0, "mean": 1.0, "model_scale": 2.0},
    ),
    Exercise(
        question=(
            "First: data $N(0, 0.05^2)$, model $N(0, 0.1^2)$. Second: data $N(0, 1)$, model "
            "$N(0, 1.1^2)$. The first NLL is negative, the second is positive. Which model is "
            "closer to its data, by $\\mathrm{KL}(p\\,\\|\\,p_\\theta)$?"
        ),
        answer=Choice(
            (_FIRST, _SECOND, _NEITHER),
            _closer,
            mistakes=(
                Mistake(
                    _FIRST,
                    "Its NLL is lower, but the two NLLs contain the entropies of different data.",
                ),
                Mistake(
                    _NEITHER,
                    "With equal means, KL depends only on the ratio of the two scales. It is "
                    "2 in the first case and 1.1 in the second.",
                ),
            ),
        ),
        hint="KL is the NLL minus the entropy of the data. Compute it for both.",
        solution=_closer_solution,
        explorer="nll_is_kl",
        state={"separation": 0.0, "scale": 1.0, "mean": 0.0, "model_scale": 1.1},
    ),
    Exercise(
        question=(
            "With $x$ in minutes, the NLL of the model in this notebook is 2.4911 nats. Now data "
            "and model are given in seconds. What is the NLL, in nats?"
        ),
        answer=Formula(
            _seconds,
            unit="nats",
            mistakes=(
                Mistake(_minutes, "KL stays the same, but the entropy of the data does not."),
                Mistake(
                    lambda: 60 * _minutes(),
                    "The density is divided by 60. So $\\log 60$ is added to $-\\log$ of it; "
                    "nothing is multiplied.",
                ),
                Mistake(
                    lambda: 2 * _minutes() - _seconds(),
                    "The sign is wrong: densities become smaller, so $-\\log$ of them grows.",
                ),
                Mistake(
                    lambda: _minutes() + math.log2(60),
                    "That adds $\\log_2 60$, in bits, to a number in nats.",
                ),
            ),
        ),
        hint="What happens to the height of a density when its axis becomes 60 times as long?",
        solution=_units_solution,
        explorer="nll_is_kl",
        state={"separation": 4.0, "scale": 0.5, "mean": 1.0, "model_scale": 1.5},
    ),
)
