"""Exercises of 07, mode collapse."""

from numpyro.distributions import Normal

import divlab
from divlab import evidence
from divlab.exercises.answers import Choice, Exercise, Formula, Mistake
from divlab.languages import listed, phrase
from divlab.metrics import wilson

_SETTINGS = {
    "SiLU in place of leaky ReLU": "SiLU",
    "a learning rate of 3e-4": "learning rate 3e-4",
    "the hinge loss": "hinge",
    "WGAN-GP": "WGAN-GP",
}


def _mass(low: float, high: float) -> float:
    """The mass of N(0, 1.5²) between two points and between their mirror images."""
    model = Normal(0.0, 1.5)
    return 2 * float(model.cdf(high) - model.cdf(low))


def _bridge() -> float:
    target = divlab.targets.two_gaussians(4.0, 0.5)
    return float(divlab.coverage(Normal(0.0, 1.5), target).bridge)


def _least_bridge(w: float, L: float) -> float:
    half = float(Normal(0.0, 1.0).cdf(w / (2 * L)))
    return 2 * half - 1


def _covers(separation: float) -> float:
    rates = evidence.stored("collapse_rates")
    return float(rates["rate"].sel(model="GAN", separation=separation))


def _seeds_for_one_per_cent() -> float:
    return next(n for n in range(1, 10_000) if wilson(0, n)[1] < 0.01)


def _best_setting() -> str:
    rates = evidence.stored("collapse_settings")["rate"].sel(separation=8.0)
    return max(_SETTINGS, key=lambda shown: float(rates.sel(model=_SETTINGS[shown])))


def _bridge_solution() -> str:
    return phrase(
        "The modes reach from 0.5 to 3.5 and from −3.5 to −0.5. The model has "
        "$2\\,[\\Phi(3.5/1.5) - \\Phi(0.5/1.5)] = {inside:.4f}$ of its mass there, so its "
        "bridge is {bridge:.4f}.",
        inside=1 - _bridge(),
        bridge=_bridge(),
    )


def _least_solution() -> str:
    return phrase(
        "The shortest way across takes an interval of $z$ of length $w/L$. With equal mass "
        "on both sides it lies in the middle, so its probability is $2\\,\\Phi(w/2L) - 1$, "
        "which is erf(w/(2√2·L)). At $w = 1$, $L = 10$ it is {share:.2f} %.",
        share=100 * _least_bridge(1.0, 10.0),
    )


def _three_solution() -> str:
    rate = _covers(6.0)
    return phrase(
        "One training covers both modes with a rate of {rate:.3f}. All three do with "
        "{rate:.3f}³ = {all_three:.3f}, so at least one fails with {any_fails:.3f}.",
        rate=rate,
        all_three=rate**3,
        any_fails=1 - rate**3,
    )


def _seeds_solution() -> str:
    return phrase(
        "For no loss in $n$ seeds Wilson's interval ends at $z^2/(n + z^2)$ with $z = 1.96$. "
        "It is below 0.01 from $n$ = {seeds} on. With 64 seeds it ends at {high:.3f}.",
        seeds=_seeds_for_one_per_cent(),
        high=wilson(0, 64)[1],
    )


def _setting_solution() -> str:
    table = evidence.stored("collapse_settings").sel(separation=8.0)
    rows = ("as it is", *_SETTINGS.values())
    found = [
        phrase("{name}: {count}", name=phrase(name), count=int(table["covered"].sel(model=name)))
        for name in rows
    ]
    return phrase(
        "Seeds of {seeds} that cover both modes: {rows}.",
        seeds=table.attrs["seeds"],
        rows=listed(found, "; "),
    )


EXERCISES = (
    Exercise(
        question=(
            "The target is two Gaussians at −2 and 2 of scale 0.5. The model is the one Gaussian "
            "$N(0, 1.5^2)$. What is its bridge, as a share between 0 and 1?"
        ),
        answer=Formula(
            _bridge,
            mistakes=(
                Mistake(lambda: 1 - _bridge(), "That is the high quality; the bridge is the rest."),
                Mistake(
                    lambda: 1 - _mass(-0.5, 0.5),
                    "That is all mass outside the gap; ask what lies in no mode.",
                ),
                Mistake(
                    lambda: _mass(0.0, 0.5),
                    "You left out what lies beyond the modes: the bridge is all mass in no mode.",
                ),
                Mistake(lambda: 1 - _mass(0.5, 3.5) / 2, "You counted one mode; there are two."),
                Mistake(
                    lambda: 1 - _mass(1.0, 3.0), "A mode reaches 3 scales to either side, not 2."
                ),
            ),
        ),
        hint="Where do the modes begin and end? The distribution function does the rest.",
        solution=_bridge_solution,
        explorer="mode_collapse",
        state={"separation": 4.0, "scale": 0.5},
    ),
    Exercise(
        question=(
            "A generator $G$ gives both modes equal mass. The gap between them is $w$ wide, and "
            "the slope of $G$ is nowhere above $L$. Which share of the mass lies in the gap at "
            "least? Write a formula in w and L; erf is known."
        ),
        answer=Formula(
            _least_bridge,
            at={"w": (0.5, 2.0), "L": (3.0, 12.0)},
            written="erf(w/(2*sqrt(2)*L))",
            mistakes=(
                Mistake(
                    "erf(w/(sqrt(2)*L))",
                    "The interval is $w/L$ long in all, so it reaches $w/2L$ to either side.",
                ),
                Mistake("erf(w/(2*sqrt(2)*L))/2", "That is one half of the interval; take both."),
                Mistake("w/L", "That is the length of the interval; its probability is asked for."),
            ),
        ),
        hint="How long an interval of $z$ does it take to cross, and where does it lie?",
        solution=_least_solution,
        explorer="mode_collapse",
        state={"separation": 6.0, "scale": 0.5},
    ),
    Exercise(
        question=(
            "Someone trains the non-saturating GAN of the stored table three times, at separation "
            "6. By the measured rate, what is the probability that at least one of the three "
            "loses a mode?"
        ),
        answer=Formula(
            lambda: 1 - _covers(6.0) ** 3,
            mistakes=(
                Mistake(
                    lambda: _covers(6.0) ** 3,
                    "That is the probability that all three cover both modes.",
                ),
                Mistake(
                    lambda: 1 - _covers(6.0), "That is for one training; here are three of them."
                ),
                Mistake(
                    lambda: (1 - _covers(6.0)) ** 3,
                    "That is the probability that all three lose a mode.",
                ),
                Mistake(
                    lambda: 3 * (1 - _covers(6.0)),
                    "Probabilities of events that can happen together do not add up.",
                ),
            ),
        ),
        hint="It is easier to ask for the opposite: that all three cover both modes.",
        solution=_three_solution,
        explorer="mode_collapse",
        state={"separation": 6.0, "scale": 0.5},
    ),
    Exercise(
        question=(
            "A model lost no mode in any of $n$ seeds. How large must $n$ be, so that the upper "
            "end of Wilson's 95 % interval for its rate of losing one is below 1 %?"
        ),
        answer=Formula(
            _seeds_for_one_per_cent,
            unit="seeds",
            mistakes=(
                Mistake(
                    lambda: 300.0,
                    "That is the rule of three, 3/n, which bounds the rate with 95 % on one side; "
                    "Wilson's interval has two ends.",
                ),
                Mistake(lambda: 100.0, "With 100 seeds a rate of 1 % often shows no loss at all."),
                Mistake(
                    lambda: 64 * wilson(0, 64)[1] / 0.01,
                    "The end is $z^2/(n + z^2)$; it does not fall as $1/n$ for small $n$.",
                ),
            ),
        ),
        hint="For 0 losses Wilson's interval ends at $z^2/(n + z^2)$, where $z = 1.96$.",
        solution=_seeds_solution,
        explorer="mode_collapse",
        state={"separation": 8.0, "scale": 0.5},
    ),
    Exercise(
        question=(
            "The GAN is changed in one setting. Which change makes most seeds cover both modes at "
            "separation 8?"
        ),
        answer=Choice(
            tuple(_SETTINGS),
            _best_setting,
            mistakes=tuple(
                Mistake(option, "Some change does more; look at separation 8 in the table.")
                for option in _SETTINGS
            ),
        ),
        hint="One of them changes what the critic estimates, the others do not.",
        solution=_setting_solution,
        explorer="objective_zoo",
    ),
)
