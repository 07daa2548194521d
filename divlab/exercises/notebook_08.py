"""Exercises of 08, the divergence without the game."""

import math

from numpyro.distributions import Normal

import divlab
from divlab import evidence
from divlab.exercises.answers import Choice, Exercise, Formula, Mistake
from divlab.languages import listed, phrase
from divlab.targets import two_gaussians

_ONE_MODE = Normal(-4.0, 0.5)
_NAMES = {"KL": "kl", "χ²": "chi2", "W₁": "wasserstein", "Hellinger": "hellinger"}
_LOSERS = {"KL": "kl", "reverse KL": "reverse_kl", "JS": "js", "Hellinger": "hellinger"}
_LOSS, _GAP = 1.6, 0.05  # of the VAE in the question, in nats


def _js() -> float:
    return float(divlab.js(two_gaussians(8.0, 0.5), _ONE_MODE))


def _kl_part() -> float:
    return _LOSS - _GAP - float(divlab.entropy(Normal(0.0, 1.0)))


def _rises() -> str:
    table = evidence.moving_half(_NAMES.values(), [8.0], places=3)
    barriers = {shown: table["barrier"].sel(divergence=d).item() for shown, d in _NAMES.items()}
    return max(barriers, key=lambda shown: barriers[shown])


def _loses_none() -> str:
    lost = evidence.stored("divergences_and_games")["lost"].sel(player="exact").sum("separation")
    return min(_LOSERS, key=lambda shown: int(lost.sel(divergence=_LOSERS[shown])))


def _weight_solution() -> str:
    shown = float(divlab.reverse_kl(two_gaussians(8.0, 0.5), two_gaussians(8.0, 0.5, 0.1)))
    return phrase(
        "Each component of the model is a component of the target, with another weight: "
        "$\\mathrm{KL}(Q\\,\\|\\,P) = w\\log\\frac{w}{1/2} + (1-w)\\log\\frac{1-w}{1/2} = "
        "\\log 2 + w \\log w + (1-w)\\log(1-w)$. At $w = 0.1$ that is {shown:.4f} nats. At "
        "$w = 0$ it is $\\log 2$: losing a mode costs no more than that.",
        shown=shown,
    )


def _js_solution() -> str:
    return phrase(
        "The mixture $M$ has ¾ of its mass at the left mode and ¼ at the right. So "
        "$\\mathrm{KL}(P\\,\\|\\,M) = \\frac12\\log\\frac{1/2}{3/4} + "
        "\\frac12\\log\\frac{1/2}{1/4}$ and $\\mathrm{KL}(Q\\,\\|\\,M) = \\log\\frac43$. "
        "Half of their sum is $\\frac34\\log\\frac43$ = {js:.4f} nats.",
        js=_js(),
    )


def _way_solution() -> str:
    table = evidence.moving_half(_NAMES.values(), [8.0], places=3)["value"]
    rows = [
        phrase(
            "{shown}: {start:.4g} to {half:.4g}",
            shown=phrase(shown),
            start=float(table.sel(divergence=name, way=0.0)[0]),
            half=float(table.sel(divergence=name, way=0.5)[0]),
        )
        for shown, name in _NAMES.items()
    ]
    return phrase(
        "From the start to half-way: {rows} (inf: χ² is too large for a float).",
        rows=listed(rows, "; "),
    )


def _loser_solution() -> str:
    table = evidence.stored("divergences_and_games")["lost"]
    rows = [
        phrase(
            "{shown}: {alone} by itself, {game} in the game",
            shown=phrase(shown),
            alone=int(table.sel(divergence=name, player="exact").sum()),
            game=int(table.sel(divergence=name, player="adversarial").sum()),
        )
        for shown, name in _LOSERS.items()
    ]
    return phrase(
        "Runs of 256 that lost a mode. {rows}.",
        rows=listed(rows, "; "),
    )


def _parts_solution() -> str:
    entropy = float(divlab.entropy(Normal(0.0, 1.0)))
    return phrase(
        "Loss = KL + entropy + gap. The entropy of $N(0, 1)$ is $\\frac12\\log(2\\pi e)$ = "
        "{entropy:.4f} nats. So KL = {loss} − {entropy:.4f} − {gap} = {kl:.4f} nats.",
        entropy=entropy,
        loss=_LOSS,
        gap=_GAP,
        kl=_kl_part(),
    )


EXERCISES = (
    Exercise(
        question=(
            "Two Gaussians are so far apart that they do not overlap. In the target $P$ each has "
            "the weight ½. In the model $Q$ the right one has the weight $w$, the left $1 - w$. "
            "What is the reverse KL, $\\mathrm{KL}(Q\\,\\|\\,P)$, in nats? Write a formula in w."
        ),
        answer=Formula(
            lambda w: divlab.reverse_kl(two_gaussians(8.0, 0.5), two_gaussians(8.0, 0.5, w)),
            at={"w": (0.1, 0.3, 0.8)},
            written="log(2) + w*log(w) + (1-w)*log(1-w)",
            unit="nats",
            mistakes=(
                Mistake(
                    "-log(4*w*(1-w))/2",
                    "That is $\\mathrm{KL}(P\\,\\|\\,Q)$. Here take the mean under $Q$.",
                ),
                Mistake(
                    "w*log(w) + (1-w)*log(1-w)",
                    "That is too small by $\\log 2$: divide by the target's weights, ½ each.",
                ),
                Mistake(
                    "-log(2) - w*log(w) - (1-w)*log(1-w)",
                    "The sign is wrong: a divergence is never below 0.",
                ),
            ),
        ),
        hint="Where $Q$ has its right component, $q/p$ is the ratio of two weights.",
        solution=_weight_solution,
        explorer="minimum_divergence",
        state={"separation": 8.0, "a": "kl", "b": "reverse_kl", "density": "mixture"},
    ),
    Exercise(
        question=(
            "The target is as before. The model has lost the right mode: it is the left Gaussian "
            "only. What is the Jensen–Shannon divergence, in nats?"
        ),
        answer=Formula(
            _js,
            unit="nats",
            mistakes=(
                Mistake(lambda: math.log(2), "That is for no overlap. $Q$ covers half of $P$."),
                Mistake(
                    lambda: math.log(2) / 2,
                    "That is JS with half of the model in the middle, where there are no data.",
                ),
                Mistake(lambda: math.sqrt(_js()), "That is the square root of JS, the distance."),
                Mistake(lambda: _js() / math.log(2), "That is in bits; divlab counts in nats."),
                Mistake(lambda: 2 * _js(), "JS is the mean of the two KLs, not their sum."),
            ),
        ),
        hint="The mixture $M = (P + Q)/2$ has ¾ of its mass at the left mode.",
        solution=_js_solution,
        explorer="minimum_divergence",
        state={"separation": 8.0, "a": "kl", "b": "js", "density": "decoder"},
    ),
    Exercise(
        question=(
            "The separation is 8. At the start all of the model's mass is at the left mode. Then "
            "half of it moves to the right mode. Which of these divergences is larger half-way "
            "than at the start?"
        ),
        answer=Choice(
            tuple(_NAMES),
            _rises,
            mistakes=(
                Mistake("KL", "KL falls from 63 to 16: the model is nearer to the lost data."),
                Mistake("χ²", "χ² falls as KL does: the model is nearer to the lost data."),
                Mistake("W₁", "W₁ falls from 4 to 2: it is the mean distance left to move."),
            ),
        ),
        hint="Which of them hardly depends on how far away the lost mode is?",
        solution=_way_solution,
        explorer="minimum_divergence",
        state={"separation": 8.0, "a": "kl", "b": "hellinger", "density": "decoder"},
    ),
    Exercise(
        question=(
            "Which of these divergences lost no mode in 256 trainings by itself, while its GAN "
            "lost some?"
        ),
        answer=Choice(
            tuple(_LOSERS),
            _loses_none,
            mistakes=(
                Mistake("reverse KL", "It loses modes by itself, about as often as its GAN."),
                Mistake("JS", "It loses modes by itself too, though less often than its GAN."),
                Mistake("Hellinger", "It loses modes by itself from separation 6 on."),
            ),
        ),
        hint="It is infinite if the model has no mass at a place where the data have some.",
        solution=_loser_solution,
        explorer="minimum_divergence",
        state={"separation": 8.0, "a": "kl", "b": "js", "density": "decoder"},
    ),
    Exercise(
        question=(
            phrase(
                "The data are $N(0, 1)$. A VAE's loss, the negative ELBO, is {loss} nats, and its "
                "gap, the mean KL from q(z|x) to the true posterior, is {gap} nats. How large is "
                "$\\mathrm{KL}(p\\,\\|\\,p_\\theta)$ from the data to the model, in nats?",
                loss=_LOSS,
                gap=_GAP,
            )
        ),
        answer=Formula(
            _kl_part,
            unit="nats",
            mistakes=(
                Mistake(lambda: _kl_part() + _GAP, "The gap is still in it; subtract the gap too."),
                Mistake(
                    lambda: _kl_part() + 2 * _GAP,
                    "You added the gap. It is a part of the loss, so subtract it.",
                ),
                Mistake(
                    lambda: _LOSS - _GAP,
                    "That is the NLL; it is the KL plus the entropy of the data.",
                ),
                Mistake(
                    lambda: _LOSS - _GAP - 0.5 * math.log(2 * math.pi),
                    "The entropy of $N(0, 1)$ is $\\frac12\\log(2\\pi e)$: you forgot the e.",
                ),
            ),
        ),
        hint="The loss has three parts: KL, the entropy of the data, and the gap.",
        solution=_parts_solution,
        explorer="elbo_gap",
    ),
)
