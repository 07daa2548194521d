"""Exercises of 03, the divergences side by side."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from numpyro.distributions import Normal, Uniform

import divlab
from divlab.evidence import inequalities
from divlab.exercises.answers import Choice, Exercise, Formula, Mistake
from divlab.languages import listed, phrase

_ONE = Normal(0.0, 1.0)


def _kl_of_scale(sigma: float) -> Any:
    return divlab.kl(_ONE, Normal(0.0, sigma))


def _scale_solution() -> str:
    return phrase(
        "$\\log p - \\log q = \\log\\sigma - \\frac{x^2}{2} + \\frac{x^2}{2\\sigma^2}$. "
        "Under $P$ the mean of $x^2$ is 1, so $\\mathrm{KL}(P\\,\\|\\,Q) = \\log\\sigma + "
        "\\frac{1}{2\\sigma^2} - \\frac12$. For $\\sigma = 2$ it is {wide:.4f}, for $\\sigma "
        "= 0.5$ it is {narrow:.4f}: a model that is too narrow costs more than one that is "
        "too wide.",
        wide=float(_kl_of_scale(2.0)),
        narrow=float(_kl_of_scale(0.5)),
    )


_NEAR = Normal(0.2, 1.0)


def _pinsker() -> float:
    sides = inequalities(_ONE, _NEAR).sel(inequality="TV ≤ √(KL/2)")
    return float(sides["larger"])


def _pinsker_solution() -> str:
    return phrase(
        "$\\mathrm{KL} = 0.2^2/2 = {kl:.4f}$ nats, so $\\mathrm{TV} \\le "
        "\\sqrt{\\mathrm{KL}/2} = {bound:.4f}$. The total variation itself is {tv:.4f}.",
        kl=float(divlab.kl(_ONE, _NEAR)),
        bound=_pinsker(),
        tv=float(divlab.tv(_ONE, _NEAR)),
    )


_PAIR = divlab.targets.gaussian_mixture([-1.0, 3.0], [0.5, 1.0], [0.5, 0.5])


def _spread() -> float:
    return math.sqrt(_PAIR.variance)


def _spread_solution() -> str:
    return phrase(
        "The Gaussian with the least KL has the mean and the variance of the data. The mean "
        "is $(-1 + 3)/2 = 1$. The variance is the mean of the two variances plus the "
        "variance of the two means, $(0.25 + 1)/2 + 2^2 = {variance:.4f}$, so $\\sigma = "
        "{spread:.4f}$.",
        variance=_spread() ** 2,
        spread=_spread(),
    )


_MODES = divlab.targets.two_gaussians(4.0, 0.5)
_MODE_OR_MIDDLE: Mapping[str, Callable[..., Any]] = {
    "KL(P‖Q)": divlab.kl,
    "JS": divlab.js,
    "W₁": divlab.wasserstein,
    "KL(Q‖P)": divlab.reverse_kl,
}


def _mode_and_middle(name: str) -> tuple[float, float]:
    middle = Normal(0.0, float(_MODES.variance) ** 0.5)
    distance = _MODE_OR_MIDDLE[name]
    return tuple(float(distance(_MODES, q)) for q in (Normal(2.0, 0.5), middle))  # type: ignore[return-value]


def _seeker() -> str:
    (found,) = [
        name for name in _MODE_OR_MIDDLE if _mode_and_middle(name)[0] < _mode_and_middle(name)[1]
    ]
    return found


def _seeker_solution() -> str:
    rows = [
        phrase(
            "{name}: {one:.3f} on a mode, {both:.3f} over both",
            name=name,
            one=one,
            both=both,
        )
        for name in _MODE_OR_MIDDLE
        for one, both in [_mode_and_middle(name)]
    ]
    return phrase(
        "Take $N(2, 0.5^2)$ on one mode and $N(0, 4.25)$ over both. {rows}.",
        rows=listed(rows, "; "),
    )


_UNITS: Mapping[str, Callable[..., Any]] = {
    "KL": divlab.kl,
    "TV": divlab.tv,
    "W₁": divlab.wasserstein,
    "Cramér": divlab.cramer,
}


def _in_minutes(name: str) -> float:
    distance = _UNITS[name]
    hours = distance(Uniform(0.0, 1.0), Uniform(0.0, 2.0))
    return float(distance(Uniform(0.0, 60.0), Uniform(0.0, 120.0)) / hours)


def _by_root() -> str:
    (found,) = [n for n in _UNITS if math.isclose(_in_minutes(n), math.sqrt(60), rel_tol=1e-3)]
    return found


def _units_solution() -> str:
    rows = listed(phrase("{name} {factor:.3f}", name=n, factor=_in_minutes(n)) for n in _UNITS)
    return phrase(
        "For uniform $U(0, 1)$ and $U(0, 2)$ the factors are: {rows}. Cramér's square is "
        "$\\int (F - G)^2\\,dx$: $F$ and $G$ have no unit and $dx$ has one, so the square "
        "grows by 60 and its root by $\\sqrt{60} = {root:.3f}$.",
        rows=rows,
        root=math.sqrt(60),
    )


EXERCISES = (
    Exercise(
        question=(
            "What is $\\mathrm{KL}(P\\,\\|\\,Q)$ of $P = N(0, 1)$ and $Q = N(0, \\sigma^2)$, in "
            "nats? Write a formula in <code>sigma</code>."
        ),
        answer=Formula(
            _kl_of_scale,
            at={"sigma": (0.5, 2.0, 3.0)},
            written="log(sigma) + 1/(2*sigma^2) - 1/2",
            unit="nats",
            mistakes=(
                Mistake(
                    "sigma^2/2 - 1/2 - log(sigma)",
                    "That is $\\mathrm{KL}(Q\\,\\|\\,P)$: you took the mean under $Q$.",
                ),
                Mistake(
                    "log(sigma) + 1/(2*sigma) - 1/2",
                    "The exponent of $q$ has the variance $\\sigma^2$, not $\\sigma$.",
                ),
                Mistake(
                    "log(sigma) + 1/(2*sigma^2)",
                    "You forgot the $-\\frac12$, the mean of $-x^2/2$ under $P$. At $\\sigma = 1$ "
                    "KL must be 0.",
                ),
                Mistake(
                    "1/(2*sigma^2) - 1/2",
                    "You forgot $\\log\\sigma$: $q$ has a factor $1/\\sigma$ in front.",
                ),
            ),
        ),
        hint="Write out $\\log p(x) - \\log q(x)$; its mean under $P$ needs only $E[x^2] = 1$.",
        solution=_scale_solution,
        explorer="divergences",
        state={"separation": 0.0, "scale": 2.0},
    ),
    Exercise(
        question=(
            "$P = N(0, 1)$ and $Q = N(0.2, 1)$. How large can their total variation be at most, "
            "by Pinsker's inequality?"
        ),
        answer=Formula(
            _pinsker,
            mistakes=(
                Mistake(
                    lambda: math.sqrt(divlab.kl(_ONE, _NEAR)),
                    "You forgot to halve KL under the root.",
                ),
                Mistake(lambda: divlab.kl(_ONE, _NEAR) / 2, "You forgot the square root."),
                Mistake(lambda: divlab.kl(_ONE, _NEAR), "That is KL, not yet the bound."),
                Mistake(
                    lambda: divlab.tv(_ONE, _NEAR),
                    "That is the total variation itself; the bound on it is larger.",
                ),
            ),
        ),
        hint="Compute KL first. For two Gaussians of scale 1 it is half the squared distance.",
        solution=_pinsker_solution,
        explorer="divergences",
        state={"separation": 0.2, "scale": 1.0},
    ),
    Exercise(
        question=(
            "The data $P$ are $\\frac12 N(-1, 0.5^2) + \\frac12 N(3, 1)$. Find the Gaussian $Q$ "
            "with the least $\\mathrm{KL}(P\\,\\|\\,Q)$. What is its standard deviation?"
        ),
        answer=Formula(
            _spread,
            unit="units of x",
            mistakes=(
                Mistake(lambda: _spread() ** 2, "That is the variance; take its root."),
                Mistake(
                    lambda: math.sqrt(_spread() ** 2 - 4.0),
                    "That is the spread inside the modes only; the means of the modes differ too.",
                ),
                Mistake(lambda: 0.75, "You averaged the standard deviations. Variances add up."),
                Mistake(
                    lambda: 2.0,
                    "That is the spread of the two means only; each mode has a spread of its own.",
                ),
            ),
        ),
        hint="For KL the best Gaussian has the mean and the variance of the data.",
        solution=_spread_solution,
        explorer="minimum_divergence",
        state={"density": "normal", "a": "kl"},
    ),
    Exercise(
        question=(
            "The data are two Gaussians of standard deviation 0.5, 4 apart. Compare a Gaussian $Q$ "
            "on one mode with a wide $Q$ over both. One divergence is smaller for the $Q$ on one "
            "mode. Which?"
        ),
        answer=Choice(
            tuple(_MODE_OR_MIDDLE),
            _seeker,
            mistakes=(
                Mistake(
                    "KL(P‖Q)",
                    "$\\mathrm{KL}(P\\,\\|\\,Q)$ is very large if $Q$ misses a mode.",
                ),
                Mistake(
                    "JS",
                    "Not at 4: there JS is still a little smaller for the wide $Q$. At 5 you would "
                    "be right.",
                ),
                Mistake("W₁", "If $Q$ is on one mode, half of its mass has to be moved by 4."),
            ),
        ),
        hint="In which integral do the places where $q$ is almost 0 count for almost nothing?",
        solution=_seeker_solution,
        explorer="minimum_divergence",
        state={"density": "normal", "b": "reverse_kl", "separation": 4.0, "scale": 0.5},
    ),
    Exercise(
        question=(
            "You change the unit of $x$ from hours to minutes, so that all values are 60 times "
            "larger. Which of these grows by the factor $\\sqrt{60}$?"
        ),
        answer=Choice(
            tuple(_UNITS),
            _by_root,
            mistakes=(
                Mistake("KL", "KL contains $p/q$ and $p\\,dx$. Neither changes with the unit."),
                Mistake("TV", "TV is a difference of probabilities, and does not change."),
                Mistake("W₁", "$W_1$ is a distance on the axis of $x$: it grows by 60."),
            ),
        ),
        hint="Look at the integrals. Which part of each has a unit, and is there a root around it?",
        solution=_units_solution,
        explorer="divergences",
        state={"p": "Uniform", "q": "Uniform", "scale": 2.0},
    ),
)
