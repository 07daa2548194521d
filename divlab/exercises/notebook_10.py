"""Exercises of 10, the zoo of objectives."""

import jax.numpy as jnp

import divlab
from divlab import evidence, families
from divlab.exercises.answers import Choice, Exercise, Formula, Mistake
from divlab.languages import listed, phrase
from divlab.metrics import wilson


def _conjugate(t: float) -> float:
    return float(families.kl.conjugate(jnp.asarray(t)))


def _conjugate_solution() -> str:
    return phrase(
        "$ut - u\\log u + u - 1$ has the derivative $t - \\log u$, which is 0 at $u = e^t$. "
        "There the value is $te^t - te^t + e^t - 1 = e^t - 1$. At $t = 1$ it is {value:.4f}. "
        "Without the terms $-u + 1$ in $f$ it would be $e^{t-1}$, and the divergence the "
        "same.",
        value=_conjugate(1.0),
    )


def _lower() -> float:
    return wilson(32, 32)[0]


def _lower_solution() -> str:
    return phrase(
        "Wilson's interval at a rate of 1 is $[\\,n/(n + z^2),\\,1]$ with $z = 1.96$, here "
        "from {low:.4f}. A model that fails in one training of twelve has a chance of "
        "{share:.0f} % to show no failure in 32.",
        low=_lower(),
        share=100 * float((1 - 1 / 12) ** 32),
    )


def _twice(delta: float) -> float:
    return float(divlab.energy([0.0], [delta], squared=True))


def _twice_solution() -> str:
    return phrase(
        "Both points are fixed, so $\\mathbb E|X - X'|$ and $\\mathbb E|Y - Y'|$ are 0, and "
        "$2\\,\\mathbb E|X - Y| = 2\\delta$. By the other formula $F - G$ is 1 on an "
        "interval of length $\\delta$: $2\\int (F - G)^2 = 2\\delta$, for $\\delta = 3$ "
        "{value:.1f}. Its slope in $\\delta$ is 2, however far apart the points are.",
        value=_twice(3.0),
    )


_OPTIONS = ("non_saturating", "f_gan_kl", "f_gan_pearson", "wgan_gp")


def _worst_of_those_that_cover() -> str:
    table = evidence.summary(evidence.stored("objective_zoo")).sel(target="two Gaussians")
    whole = table.where(table["covered"] == table.attrs["seeds"])["wasserstein"]
    return str(whole["model"].values[int(whole.argmax("model"))])


def _worst_solution() -> str:
    table = evidence.summary(evidence.stored("objective_zoo")).sel(target="two Gaussians")
    parts = [
        phrase(
            "{name} {covered} of {seeds}, {distance:.2f}",
            name=name,
            covered=int(row["covered"]),
            seeds=table.attrs["seeds"],
            distance=float(row["wasserstein"]),
        )
        for name in _OPTIONS
        for row in [table.sel(model=name)]
    ]
    return phrase(
        "Seeds that cover both modes, and the median $W_1$: {parts}. To cover a mode is to "
        "hold 5 % of its mass; a model can do that and have the rest in the wrong place.",
        parts=listed(parts, "; "),
    )


EXERCISES = (
    Exercise(
        question=(
            "KL is the f-divergence of $f(u) = u\\log u - u + 1$. What is its conjugate "
            "$f^*(t) = \\sup_u (ut - f(u))$? Write it with t."
        ),
        answer=Formula(
            _conjugate,
            at={"t": (-1.0, 0.5, 2.0)},
            written="exp(t) - 1",
            mistakes=(
                Mistake("exp(t-1)", "That belongs to $u\\log u$, without the terms $-u + 1$."),
                Mistake("exp(t)", "You lost the constant 1 of $f$."),
                Mistake("t*exp(t) - exp(t) + 1", "That is $f$ at $u = e^t$; now take $ut - f(u)$."),
                Mistake("1 - exp(-t)", "The supremum is at $u = e^t$, not at $e^{-t}$."),
            ),
        ),
        hint="Set the derivative of $ut - f(u)$ in $u$ to 0.",
        solution=_conjugate_solution,
        explorer="gan_game",
    ),
    Exercise(
        question=(
            "All of 32 seeds cover both modes. Where does Wilson's 95 % interval begin for the "
            "rate at which a seed covers both? Give a number between 0 and 1."
        ),
        answer=Formula(
            _lower,
            mistakes=(
                Mistake(lambda: 1.0, "So it would be if 32 seeds were all there are."),
                Mistake(
                    lambda: 0.95, "That is the confidence of the interval, not where it begins."
                ),
                Mistake(
                    lambda: 31 / 32,
                    "That is the rate with one failure in 32; lower rates fit as well.",
                ),
                Mistake(
                    lambda: 1 - 3 / 32,
                    "That is the rule of three, $1 - 3/n$, for a one-sided interval; Wilson's is "
                    "another one.",
                ),
            ),
        ),
        hint="Wilson's interval at a rate of 1 begins at $n / (n + z^2)$ with $z = 1.96$.",
        solution=_lower_solution,
        explorer="objective_zoo",
    ),
    Exercise(
        question=(
            "The data are one point at 0, the generator makes one point at $\\delta > 0$. What is "
            "the energy distance $2\\,\\mathbb E|X - Y| - \\mathbb E|X - X'| - \\mathbb E|Y - Y'|$ "
            "between them? Write it with delta."
        ),
        answer=Formula(
            _twice,
            at={"delta": (0.5, 3.0)},
            written="2*delta",
            mistakes=(
                Mistake("delta", "That is $\\int (F - G)^2$, the squared Cramér distance."),
                Mistake("sqrt(2*delta)", "That is its root; the question is about the square."),
                Mistake("2*delta^2", "The distance enters as it is, not squared."),
            ),
        ),
        hint="Two of the three terms are 0.",
        solution=_twice_solution,
        explorer="disjoint_supports",
    ),
    Exercise(
        question=(
            "One objective covers both Gaussians in every seed, and yet has the largest median "
            "$W_1$ of all that do. Which one?"
        ),
        answer=Choice(
            _OPTIONS,
            _worst_of_those_that_cover,
            mistakes=(
                Mistake("non_saturating", "It loses a mode in several seeds."),
                Mistake("f_gan_kl", "Its $W_1$ is larger still, but not every seed covers both."),
                Mistake("wgan_gp", "Its $W_1$ is among the smaller ones."),
            ),
        ),
        hint="Sort the table of the two Gaussians: <code>covered</code> first, then $W_1$.",
        solution=_worst_solution,
        explorer="objective_zoo",
        state={"a": "f_gan_pearson", "b": "wgan_gp"},
    ),
)
