"""Exercises of 05, divergences from samples."""

import math

import numpy as np
from numpyro.distributions import Normal

import divlab
from divlab.evidence import stored
from divlab.exercises.answers import Choice, Exercise, Formula, Mistake
from divlab.languages import listed, phrase

_P, _FAR = Normal(0.0, 1.0), Normal(5.0, 1.0)
_KL = "KL by nearest neighbours"
_HISTOGRAM = "KL by histogram"
_CRITIC = "KL by a variational critic"
_JS = "JS by nearest neighbours"
_ROWS = {
    _KL: ("kl", "nearest_neighbours"),
    _HISTOGRAM: ("kl", "histogram"),
    _CRITIC: ("kl", "variational"),
    _JS: ("js", "nearest_neighbours"),
}
_TOO_LOW = "The exact value is probably larger, and the data cannot say by how much"
_TOO_HIGH = "The exact value is probably smaller"
_NOISY = "The value is right on average, but noisy: repeat it and take the mean"


def _needed() -> float:
    return math.exp(float(divlab.kl(_P, _FAR)))


def _needed_solution() -> str:
    return phrase(
        "$\\mathrm{KL} = 5^2/2 = {kl:.1f}$ nats, so $\\log n = 12.5$ at $n = e^{12.5} "
        "\\approx {count:,.0f}$. Before that, samples of $Q$ say nothing about the density "
        "ratio where $P$ has its mass.",
        kl=float(divlab.kl(_P, _FAR)),
        count=_needed(),
    )


def _errors() -> dict[str, float]:
    far = stored("estimators").sel(pair="far", n=1000)
    return {
        name: float(
            far["error"].sel(divergence=divergence, estimator=method)
            / far["truth"].sel(divergence=divergence)
        )
        for name, (divergence, method) in _ROWS.items()
    }


def _best() -> str:
    errors = _errors()
    return min(errors, key=lambda name: errors[name])


def _best_solution() -> str:
    rows = [
        phrase("{name}: {share:.1f} %", name=phrase(name), share=100 * error)
        for name, error in _errors().items()
    ]
    return phrase(
        "Root mean square errors in per cent of the exact value, from the stored table: "
        "{shown}. JS is bounded by $\\log 2$, and where $Q$ has no samples it only needs to "
        "know that.",
        shown=listed(rows, "; "),
    )


def _spread(sigma: float, n: float) -> float:
    variance = float(Normal(0.0, sigma).variance) + float(Normal(0.0, sigma).variance)
    return math.sqrt(variance / n)


def _spread_solution() -> str:
    return phrase(
        "All $y$ lie above all $x$, so $\\widehat W_1 = \\bar y - \\bar x$, whose variance "
        "is $\\sigma^2/n + \\sigma^2/n$. For $\\sigma = 1$ and $n = 1000$ the standard "
        "deviation is {deviation:.4f}.",
        deviation=_spread(1.0, 1000.0),
    )


def _warned() -> str:
    rng = np.random.default_rng(0)
    found = divlab.estimate("kl", rng.standard_normal(300), 5 + rng.standard_normal(300))
    truth = float(divlab.kl(_P, _FAR))
    return _TOO_LOW if truth > found.value and math.isinf(found.interval[1]) else _TOO_HIGH


def _warned_solution() -> str:
    rng = np.random.default_rng(0)
    found = divlab.estimate("kl", rng.standard_normal(300), 5 + rng.standard_normal(300))
    return phrase(
        "From 300 samples each of N(0, 1) and N(5, 1) the value is {value:.2f} nats, the "
        "interval goes from {low:.2f} to infinity, and the exact value is {kl:.1f}. "
        "Repeating it gives the same wrong value again, because it is bias and not noise.",
        value=found.value,
        low=found.interval[0],
        kl=float(divlab.kl(_P, _FAR)),
    )


EXERCISES = (
    Exercise(
        question=(
            "$P = N(0, 1)$ and $Q = N(5, 1)$. From how many samples $n$ on is $\\log n$ as large "
            "as $\\mathrm{KL}(P\\,\\|\\,Q)$?"
        ),
        answer=Formula(
            _needed,
            unit="samples",
            mistakes=(
                Mistake(
                    lambda: math.exp(2 * float(divlab.kl(_P, _FAR))),
                    "You forgot the ½ in $\\delta^2/2\\sigma^2$.",
                ),
                Mistake(
                    lambda: 10 ** float(divlab.kl(_P, _FAR)),
                    "Nats belong to the natural logarithm: take a power of e, not of 10.",
                ),
                Mistake(
                    lambda: 2 ** float(divlab.kl(_P, _FAR)),
                    "That would be right if the divergence were in bits; it is in nats.",
                ),
                Mistake(
                    lambda: math.exp(float(divlab.wasserstein(_P, _FAR))),
                    "5 is the distance of the means, W₁; KL is $\\delta^2/2\\sigma^2$.",
                ),
            ),
        ),
        hint="KL is $\\delta^2/2\\sigma^2$. Solve $\\log n = \\mathrm{KL}$ for $n$.",
        solution=_needed_solution,
        explorer="estimators",
        state={"quantity": "KL(P‖Q)", "separation": 5.0},
    ),
    Exercise(
        question=(
            "You have 1000 samples each of $N(0, 1)$ and $N(5, 1)$. Which estimate comes closest "
            "to its own exact value, in per cent of it?"
        ),
        answer=Choice(
            options=tuple(_ROWS),
            value=_best,
            mistakes=(
                Mistake(_KL, "Its spread is small, but it stops near log n: a bias of over half."),
                Mistake(_HISTOGRAM, "Bins without samples of Q hold it near log(4n/b)."),
                Mistake(
                    _CRITIC,
                    "The critic goes further than neighbours do, but still ends far below 12.5.",
                ),
            ),
        ),
        hint="Which of the quantities needs to know how small $q$ is where $P$ has its mass?",
        solution=_best_solution,
        explorer="estimators",
        state={"quantity": "JS", "separation": 5.0},
    ),
    Exercise(
        question=(
            "$P = N(0, \\sigma^2)$, and $Q$ is $P$ moved so far to the right that no samples "
            "overlap. You draw $n$ of each. What is the standard deviation of the estimate of "
            "$W_1$? Write it in sigma and n."
        ),
        answer=Formula(
            _spread,
            at={"sigma": (0.7, 1.5), "n": (50.0, 400.0)},
            written="sigma*sqrt(2/n)",
            mistakes=(
                Mistake("sigma/sqrt(n)", "That is the noise of one mean; both are estimated."),
                Mistake("2*sigma/sqrt(n)", "Variances of independent means add, not deviations."),
                Mistake("2*sigma^2/n", "That is the variance; take its root."),
                Mistake("sigma*sqrt(2)/n", "Errors of means fall like the root of n, not like n."),
            ),
        ),
        hint="Without overlap $\\widehat W_1$ is the difference of two independent means.",
        solution=_spread_solution,
        explorer="estimators",
        state={"quantity": "W₁", "separation": 6.0},
    ),
    Exercise(
        question=(
            "divlab.estimate says of a KL divergence: “Too little overlap … the interval has no "
            "upper end.” What follows?"
        ),
        answer=Choice(
            options=(_TOO_LOW, _TOO_HIGH, _NOISY),
            value=_warned,
            mistakes=(
                Mistake(
                    _TOO_HIGH, "The other way round: gaps in the sample of Q hide large ratios."
                ),
                Mistake(_NOISY, "Every repeat saturates at the same place; a mean does not help."),
            ),
        ),
        hint="What can a sample say about a density where it has no points?",
        solution=_warned_solution,
        explorer="estimators",
        state={"quantity": "KL(P‖Q)", "separation": 6.0},
    ),
)
