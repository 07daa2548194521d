"""Exercises of 12, the ledger."""

import divlab
from divlab.exercises.answers import Choice, Exercise, Formula, Mistake
from divlab.languages import listed, phrase
from divlab.metrics import wilson

_Z = 1.959964
_WHO = {"the divergence": "exact", "the game": "adversarial"}


def _lost(divergence: str, player: str) -> int:
    table = divlab.evidence.stored("divergences_and_games")["lost"]
    return int(table.sel(divergence=divergence, player=player, separation=8.0))


def _upper_end_solution() -> str:
    return phrase(
        "With $k = 0$ Wilson's equation is $r^2 = z^2 r(1 - r)/n$, so the upper end is "
        "$z^2/(n + z^2)$: {high:.4f} for $n = 64$. A mode that 64 seeds did not lose may "
        "still be lost by the next.",
        high=wilson(0, 64)[1],
    )


def _who_solution() -> str:
    return phrase(
        "KL by itself lost a mode in {alone} of 64 seeds, its game in {game}. Only the game "
        "can be the cause.",
        alone=_lost("kl", "exact"),
        game=_lost("kl", "adversarial"),
    )


def _blur() -> dict[str, float]:
    table = divlab.evidence.stored("blur").squeeze("target")["sharpness"].median("seed")
    return {str(name): float(table.sel(model=name)) for name in table["model"].values}


def _sharpest() -> str:
    found = _blur()
    return min(found, key=lambda name: abs(found[name] - 1))


def _blur_solution() -> str:
    shown = listed(
        phrase("{name} {value:.3f}", name=phrase(name), value=value)
        for name, value in _blur().items()
    )
    return phrase(
        "Median spread inside modes over the true one: {shown}.",
        shown=shown,
    )


def _slope_solution() -> str:
    slopes = divlab.evidence.generator_gradient([1.0]).squeeze("separation")
    return phrase(
        "At $D^*$ the slope is that of $\\mathrm{KL}(p_G\\,\\|\\,p) - 2\\,\\mathrm{JS}$: "
        "{kl:.4f} less twice {js:.4f}, which is {slope:.4f}.",
        kl=float(slopes["kl"]),
        js=float(slopes["js"]),
        slope=float(slopes["non_saturating"]),
    )


def _slope(name: str) -> float:
    return float(divlab.evidence.generator_gradient([1.0])[name].squeeze())


EXERCISES = (
    Exercise(
        question=(
            "None of 64 seeds lost a mode. What is the upper end of Wilson's 95 % interval for the "
            "rate of lost modes?"
        ),
        answer=Formula(
            lambda: wilson(0, 64)[1],
            mistakes=(
                Mistake(lambda: 0.0, "No seed out of 64 does not mean a rate of 0."),
                Mistake(
                    lambda: 3 / 64,
                    "That is the rule of three, $3/n$, for a one-sided interval; Wilson's is "
                    "$z^2/(n + z^2)$.",
                ),
                Mistake(lambda: _Z / (64 + _Z), "You forgot to square $z$: it is $z^2/(n + z^2)$."),
                Mistake(lambda: _Z**2 / 64, "That is $z^2/n$; the equation gives $z^2/(n + z^2)$."),
            ),
        ),
        hint="Put $k = 0$ into Wilson's equation, and divide by $r$.",
        solution=_upper_end_solution,
        explorer="minimum_divergence",
        state={"separation": 8.0},
    ),
    Exercise(
        question=(
            "8 apart, the GAN that stands for KL lost a mode in some seeds. What is to blame, the "
            "divergence or the game?"
        ),
        answer=Choice(
            tuple(_WHO),
            lambda: "the game" if _lost("kl", "exact") == 0 else "the divergence",
            mistakes=(
                Mistake(
                    "the divergence",
                    "The same divergence without a critic lost no mode, so it cannot be KL itself.",
                ),
            ),
        ),
        hint="Look at the left picture: what did KL do by itself?",
        solution=_who_solution,
        explorer="minimum_divergence",
        state={"separation": 8.0, "a": "kl", "b": "wasserstein"},
    ),
    Exercise(
        question="Which of the four ways to minimise KL ends with the right spread inside modes?",
        answer=Choice(
            tuple(_blur()),
            _sharpest,
            mistakes=(
                Mistake(
                    "decoder, exact KL",
                    "It comes close, but a little too narrow: the noise of the decoder gives every "
                    "model of this kind the shape of its bumps.",
                ),
                Mistake(
                    "decoder, IWAE", "Its bound is closer than the ELBO, but it is still a bound."
                ),
                Mistake("decoder, ELBO", "Its bound has the largest gap, and it blurs the most."),
            ),
        ),
        hint="One of the four has neither a bound nor a decoder's noise.",
        solution=_blur_solution,
        explorer="minimum_divergence",
        state={"density": "flow"},
    ),
    Exercise(
        question=(
            "Data $N(0, 1)$, generator $N(\\theta, 1)$, the discriminator is $D^*$ and held. What "
            "is the slope of $L_G = -\\mathrm{E}[\\log D^*]$ in $\\theta$ at $\\theta = 1$?"
        ),
        answer=Formula(
            lambda: _slope("non_saturating"),
            mistakes=(
                Mistake(
                    lambda: _slope("kl"),
                    "That is the slope of $\\mathrm{KL}(p_G\\,\\|\\,p)$ alone; $L_G$ also moves "
                    "away from JS.",
                ),
                Mistake(
                    lambda: _slope("js"),
                    "That is the slope of JS, which the saturating loss has, up to a factor of 2.",
                ),
                Mistake(
                    lambda: _slope("kl") - _slope("js"),
                    "You subtracted JS once; it has to be subtracted twice.",
                ),
            ),
        ),
        hint="Claim 12: $L_G$ moves as $\\mathrm{KL}(p_G\\,\\|\\,p) - 2\\,\\mathrm{JS}$ does.",
        solution=_slope_solution,
        explorer="gan_game",
        state={},
    ),
)
