"""Exercises of 09, Wasserstein GANs and stability."""

import math

import numpy as np
from numpyro.distributions import Normal

import divlab
from divlab.exercises.answers import Choice, Exercise, Formula, Mistake
from divlab.languages import listed, phrase

_RATE, _STEPS = 0.1, 100


def _scales(s: float, t: float) -> float:
    return float(divlab.wasserstein(Normal(0.0, s), Normal(0.0, t)))


def _scales_solution() -> str:
    return phrase(
        "The best coupling draws one $Z \\sim N(0, 1)$ and sets $X = sZ$, $Y = tZ$. Then "
        "$\\mathbb E|X - Y| = |s - t|\\,\\mathbb E|Z| = |s - t|\\sqrt{2/\\pi}$. For $s = 1$ "
        "and $t = 2$ this is {distance:.4f}.",
        distance=_scales(1.0, 2.0),
    )


def _bound() -> str:
    """Compares the bound of the critic tanh(2x) with the exact distance."""
    p, q = Normal(0.5, 1.0), Normal(-0.5, 1.0)
    x = np.linspace(-9.0, 9.0, 4001)
    gap = np.exp(np.asarray(p.log_prob(x), float)) - np.exp(np.asarray(q.log_prob(x), float))
    critic = np.tanh(2 * x)
    proved = float(np.trapezoid(critic * gap, x) / np.gradient(critic, x).max())
    return _BOUNDS[0] if proved < float(divlab.wasserstein(p, q)) else _BOUNDS[1]


_BOUNDS = ("W₁ is at least 0.3", "W₁ is at most 0.3", "W₁ is at least 0.6", "W₁ is 0.6")


def _bound_solution() -> str:
    return (
        "$f/2$ has slopes of at most 1, and finds a difference of $0.6/2 = 0.3$. The best "
        "1-Lipschitz critic finds $W_1$, and no other one finds more. So a critic proves a lower "
        "bound: it never says that two distributions are close."
    )


def _radius() -> float:
    plane = divlab.evidence.dirac_gan(
        divlab.objectives.Wasserstein(clip=100.0), start=(1.0, 0.0), rate=_RATE, steps=_STEPS
    )
    return float(np.hypot(plane["theta_path"][-1], plane["psi_path"][-1]))


def _radius_solution() -> str:
    return phrase(
        "A step maps $(\\theta, \\psi)$ to $(\\theta + r\\psi, \\psi - r\\theta)$, and "
        "$(\\theta + r\\psi)^2 + (\\psi - r\\theta)^2 = (1 + r^2)(\\theta^2 + \\psi^2)$. "
        "After {steps} steps of size {rate} the distance is $1.01^{50} = {radius:.4f}$.",
        steps=_STEPS,
        rate=_RATE,
        radius=_radius(),
    )


_PUSHES = {"minimax": "minimax", "non_saturating": "non-saturating", "wgan_gp": "WGAN-GP"}


def _weakest() -> str:
    table = divlab.evidence.stored("signals")["signal"].sel(distance=8.0).median("seed")
    names = list(_PUSHES)
    return _PUSHES[names[int(np.argmin(table.sel(objective=names).values))]]


def _weakest_solution() -> str:
    table = divlab.evidence.stored("signals")["signal"].sel(distance=8.0).median("seed")
    parts = [
        phrase("{name} {slope:.3f}", name=phrase(text), slope=float(table.sel(objective=name)))
        for name, text in _PUSHES.items()
    ]
    return phrase(
        "Median slope of the generator's loss at the generated points: {parts}. The factor "
        "$D(x)$ of the minimax loss is close to 0 at points that the critic recognises; the "
        "non-saturating loss has the factor $1 - D(x)$ in its place.",
        parts=listed(parts),
    )


_SHARES = ("never", "in about one interval of ten", "in about every second one", "in all")


def _rises() -> float:
    table = (
        divlab.evidence.stored("critics")["js"].sel(model="non_saturating").transpose(..., "step")
    )
    return float(np.mean(np.diff(table.values, axis=-1) > 0))


def _rises_choice() -> str:
    edges = (0.02, 0.3, 0.8)
    return _SHARES[int(np.searchsorted(edges, _rises()))]


def _rises_solution() -> str:
    return phrase(
        "JS rose in {share:.0f} % of the intervals. No step of the game minimises JS: the "
        "generator follows the critic that it meets, which is not the best one, on a batch "
        "of 256 points, and its loss is not JS even at the best critic.",
        share=100 * _rises(),
    )


EXERCISES = (
    Exercise(
        question=(
            "What is $W_1$ between $N(0, s^2)$ and $N(0, t^2)$ for $t > s$? Write it with s and t."
        ),
        answer=Formula(
            _scales,
            at={"s": (0.5, 1.0), "t": (1.5, 3.0)},
            written="(t - s)*sqrt(2/pi)",
            mistakes=(
                Mistake("t - s", "That is $W_2$. For $W_1$ take the mean of $|Z|$, below 1."),
                Mistake("(t^2 - s^2)*sqrt(2/pi)", "s and t are standard deviations already."),
                Mistake("(t - s)/sqrt(2*pi)", "You took one half of $\\mathbb E|Z|$ only."),
                Mistake("(s - t)*sqrt(2/pi)", "A distance is not negative."),
            ),
        ),
        hint="Draw one standard Gaussian $Z$ and set $X = sZ$, $Y = tZ$.",
        solution=_scales_solution,
        explorer="divergences",
    ),
    Exercise(
        question=(
            "A critic $f$ finds $\\mathbb E_p f - \\mathbb E_{p_G} f = 0.6$, and its steepest "
            "slope is 2. What follows?"
        ),
        answer=Choice(
            _BOUNDS,
            _bound,
            mistakes=(
                Mistake(_BOUNDS[1], "A better critic could find more; nothing bounds it by this."),
                Mistake(_BOUNDS[2], "Divide by the slope: $f$ itself is not 1-Lipschitz."),
                Mistake(_BOUNDS[3], "Only the best critic of slope 1 finds $W_1$ itself."),
            ),
        ),
        hint="Which function has slopes of at most 1, and what does it find?",
        solution=_bound_solution,
        explorer="wasserstein_gan",
    ),
    Exercise(
        question=(
            phrase(
                "The game of two numbers with $\\dot\\theta = \\psi$ and $\\dot\\psi = -\\theta$ "
                "starts at a distance of 1 from rest. Both move at once, {steps} steps of size "
                "{rate}. How far from rest are they then?",
                steps=_STEPS,
                rate=_RATE,
            )
        ),
        answer=Formula(
            _radius,
            mistakes=(
                Mistake(
                    lambda: (1 + _RATE**2) ** _STEPS,
                    "That is the squared distance; take the root.",
                ),
                Mistake(
                    lambda: 1.0,
                    "So it is in continuous time; a step of finite size leads outwards.",
                ),
                Mistake(
                    lambda: (1 + _RATE) ** _STEPS,
                    "A step is at right angles to the position: the growth is $\\sqrt{1 + r^2}$.",
                ),
                Mistake(lambda: math.exp(-(_RATE**2) * _STEPS / 2), "Outwards, not inwards."),
            ),
        ),
        hint="By what factor does one step multiply $\\theta^2 + \\psi^2$?",
        solution=_radius_solution,
        explorer="dirac_gan",
        state={"objective": "wgan", "rate": 0.1, "theta": 1.0, "psi": 0.0},
    ),
    Exercise(
        question=(
            "The generated points are $N(8, 1)$, the data $N(0, 1)$, and the critic is well "
            "trained. Which generator is pushed least?"
        ),
        answer=Choice(
            tuple(_PUSHES.values()),
            _weakest,
            mistakes=(
                Mistake("non-saturating", "Its factor $1 - D(x)$ is close to 1 there."),
                Mistake("WGAN-GP", "The slope of its critic does not depend on the overlap."),
            ),
        ),
        hint="Which of the slopes has a factor that is small where the critic is sure?",
        solution=_weakest_solution,
        explorer="gan_game",
    ),
    Exercise(
        question=(
            "A non-saturating GAN trains on two Gaussians. In which share of the intervals of 100 "
            "steps does the exact JS rise?"
        ),
        answer=Choice(
            _SHARES,
            _rises_choice,
            mistakes=(
                Mistake(_SHARES[0], "It would be so if each step minimised JS; no step does."),
                Mistake(_SHARES[1], "It rises more often: once near the data it goes up and down."),
                Mistake(_SHARES[3], "It falls from the untrained model to the end."),
            ),
        ),
        hint="Look at the table above, in the row of <code>non_saturating</code>.",
        solution=_rises_solution,
        explorer="mode_collapse",
    ),
)
