"""Exercises of 06, the game of a GAN."""

import math
from collections.abc import Callable
from functools import cache

import jax
import jax.numpy as jnp
from numpyro.distributions import Normal, Uniform

import divlab
from divlab.evidence import generator_gradient, losses_at_best_critic, optimal_critic
from divlab.exercises.answers import Choice, Exercise, Formula, Mistake
from divlab.languages import listed, phrase
from divlab.models.objectives import Batch

_P, _Q = Normal(0.0, 1.0), Normal(2.0, 1.0)
_LOG_4 = math.log(4)


def _at_zero(name: str) -> float:
    return float(optimal_critic(_P, _Q, [0.0])[name].item())


def _best_solution() -> str:
    return phrase(
        "$D^* = 1 / (1 + p_G/p)$, and $p_G(0)/p(0) = e^{-2^2/2} = e^{-2}$. So $D^*(0) = 1 / "
        "(1 + e^{-2}) = {best:.4f}$: the logistic function of the log ratio 2.",
        best=_at_zero("best"),
    )


@cache
def _js_of_uniforms() -> float:
    return float(divlab.js(Uniform(0.0, 1.0), Uniform(0.25, 1.25)))


def _value_solution() -> str:
    js = _js_of_uniforms()
    return phrase(
        "Where the two overlap $p = p_G$, which adds nothing to JS. On a quarter of each "
        "there is no overlap, so $\\mathrm{JS} = \\tfrac14 \\log 2 = {js:.4f}$, and $V = "
        "2\\,\\mathrm{JS} - \\log 4 = -\\tfrac32 \\log 2 = {value:.4f}$.",
        js=js,
        value=2 * js - _LOG_4,
    )


_SLOPES: dict[str, Callable[[dict[str, float]], float]] = {
    "JS(p, p_G)": lambda row: row["js"],
    "KL(p_G‖p), the reverse KL": lambda row: row["kl"],
    "KL(p_G‖p) - 2 JS": lambda row: row["kl"] - 2 * row["js"],
    "KL(p_G‖p) - KL(p_G‖m)": lambda row: row["moving"],
}


@cache
def _slopes_at(theta: float) -> dict[str, float]:
    row = generator_gradient([theta]).squeeze("separation")
    return {str(name): float(values) for name, values in row.data_vars.items()}


def _followed() -> str:
    row = _slopes_at(1.0)
    return min(_SLOPES, key=lambda name: abs(_SLOPES[name](row) - row["non_saturating"]))


def _followed_solution() -> str:
    row = _slopes_at(1.0)
    rows = [
        phrase("{name}: {slope:.4f}", name=phrase(name), slope=slope(row))
        for name, slope in _SLOPES.items()
    ]
    return phrase(
        "For N(θ, 1) against N(0, 1) at θ = 1 the generator's slope is {slope:.4f}. Those of "
        "the options are {shown}. The last one is $L_G$ up to a constant, but with $D^*$ "
        "following the generator; training holds $D$.",
        slope=row["non_saturating"],
        shown=listed(rows, "; "),
    )


@cache
def _slope_in_the_logit(s: float) -> float:
    objective = divlab.objectives.NonSaturating()

    def loss(logit: jax.Array) -> jax.Array:
        networks = {"critic": lambda x: jnp.full((x.shape[0], 1), logit)}
        point = jnp.zeros(1)
        return objective.generator_loss(
            networks, Batch(point, point, point[:, None], jax.random.key(0))
        )

    return float(jax.grad(loss)(jnp.asarray(s, float)))


def _logit_solution() -> str:
    return phrase(
        "$-\\log D = \\log(1 + e^{-s})$, whose derivative is $-e^{-s}/(1 + e^{-s}) = -1/(1 + "
        "e^s) = -(1 - D)$. At $s = -5$, where $D$ is sure that the point is generated, it is "
        "{slope:.3f}; that of the saturating loss is {saturating:.3f}.",
        slope=_slope_in_the_logit(-5.0),
        saturating=-1 / (1 + math.exp(5.0)),
    )


_LOST, _WIDE = "the one that lost a mode, N(2, 0.25)", "the wide one, N(0, 4.25)"


@cache
def _losses() -> dict[str, float]:
    data = divlab.targets.two_gaussians(4.0, 0.5)
    both = {_LOST: Normal(2.0, 0.5), _WIDE: Normal(0.0, 4.25**0.5)}
    found = losses_at_best_critic(data, both, ["non_saturating"])["generator_loss"]
    return {name: float(found.sel(generator=name).item()) for name in both}


def _preferred() -> str:
    losses = _losses()
    return min(losses, key=lambda name: losses[name])


def _preferred_solution() -> str:
    losses = _losses()
    return phrase(
        "$L_G$ is {lost:.4f} with the lost mode and {wide:.4f} for the wide one. On the one "
        "mode that is made, $p = p_G/2$, so $D^* = (1/2) / (1/2 + 1) = 1/3$ and $L_G = \\log "
        "3 = {log:.4f}$. Points that are not made do not occur in $L_G$ at all.",
        lost=losses[_LOST],
        wide=losses[_WIDE],
        log=math.log(3),
    )


EXERCISES = (
    Exercise(
        question=(
            "Data $p = N(0, 1)$, generator $p_G = N(2, 1)$. What does the best discriminator say "
            "at $x = 0$: what is $D^*(0)$?"
        ),
        answer=Formula(
            lambda: _at_zero("best"),
            mistakes=(
                Mistake(
                    lambda: 1 - _at_zero("best"),
                    "That is $1 - D^*$, the probability that the point is generated.",
                ),
                Mistake(
                    lambda: _at_zero("logit"),
                    "That is the log ratio $\\log p - \\log p_G$, the logit of $D^*$.",
                ),
                Mistake(
                    lambda: math.exp(_at_zero("logit")),
                    "That is the ratio $p/p_G$; a probability is $p/(p + p_G)$.",
                ),
                Mistake(lambda: _at_zero("p"), "That is the density $p(0)$ alone."),
                Mistake(
                    lambda: 1 / (1 + math.exp(-4.0)),
                    "You forgot the ½ in the exponent of the Gaussian density.",
                ),
            ),
        ),
        hint="$D^* = p/(p + p_G) = 1/(1 + p_G/p)$. The factors $1/\\sqrt{2\\pi}$ cancel.",
        solution=_best_solution,
        explorer="gan_game",
        state={"separation": 4.0},
    ),
    Exercise(
        question=(
            "Data $p = U(0, 1)$, generator $p_G = U(\\tfrac14, \\tfrac54)$. What is the value of "
            "the game $V(D^*, G)$ at the best discriminator, in nats?"
        ),
        answer=Formula(
            lambda: 2 * _js_of_uniforms() - _LOG_4,
            unit="nats",
            mistakes=(
                Mistake(lambda: _js_of_uniforms() - _LOG_4, "JS occurs twice: $2\\,\\mathrm{JS}$."),
                Mistake(lambda: 2 * _js_of_uniforms(), "You forgot the constant $-\\log 4$."),
                Mistake(lambda: _js_of_uniforms(), "That is JS itself."),
                Mistake(
                    lambda: (2 * _js_of_uniforms() - _LOG_4) / math.log(2),
                    "That is in bits; divlab counts in nats.",
                ),
                Mistake(
                    lambda: _LOG_4 - 2 * _js_of_uniforms(),
                    "That is the critic's loss, $-V$.",
                ),
            ),
        ),
        hint="$D^*$ is ½ where both have mass, 1 where only the data have, 0 where only $p_G$ has.",
        solution=_value_solution,
        explorer="gan_game",
        state={"separation": 0.0},
    ),
    Exercise(
        question=(
            "The generator moves down the gradient of $L_G = -E[\\log D^*(G(z))]$, with $D^*$ "
            "held. Of which quantity is that the gradient?"
        ),
        answer=Choice(
            options=tuple(_SLOPES),
            value=_followed,
            mistakes=(
                Mistake(
                    "JS(p, p_G)",
                    "Twice that is the gradient of the saturating loss, E[log(1 - D*)].",
                ),
                Mistake(
                    "KL(p_G‖p), the reverse KL",
                    "Nearly, far from the data; near them the part of JS is a half of it.",
                ),
                Mistake(
                    "KL(p_G‖p) - KL(p_G‖m)",
                    "That is the value of L_G up to a constant. But D* is held, and so is m.",
                ),
            ),
        ),
        hint="Differentiate $\\int p_\\theta \\log(2m/p)\\,dx$; only the first $p_\\theta$ moves.",
        solution=_followed_solution,
        explorer="gan_game",
        state={"objective": "non_saturating"},
    ),
    Exercise(
        question=(
            "$D = 1/(1 + e^{-s})$ with the logit $s$. What is the derivative of the non-saturating "
            "loss $-\\log D$ in $s$? Write it in s."
        ),
        answer=Formula(
            _slope_in_the_logit,
            at={"s": (-2.0, 0.5, 1.5)},
            written="-1/(1+exp(s))",
            mistakes=(
                Mistake("-1/(1+exp(-s))", "That is $-D$, the derivative of $\\log(1 - D)$."),
                Mistake("1/(1+exp(s))", "The sign: the loss falls as $D$ grows."),
                Mistake("-(1+exp(-s))", "That is the derivative in $D$; the chain rule adds $D'$."),
                Mistake("log(1+exp(-s))", "That is the loss itself."),
            ),
        ),
        hint="$-\\log D = \\log(1 + e^{-s})$.",
        solution=_logit_solution,
        explorer="gan_game",
        state={"objective": "minimax"},
    ),
    Exercise(
        question=(
            "Data: two Gaussians of scale 0.5 at −2 and 2. Two generators, and each meets its own "
            "best discriminator. Which has the smaller loss $L_G$?"
        ),
        answer=Choice(
            options=(_LOST, _WIDE),
            value=_preferred,
            mistakes=(
                Mistake(
                    _WIDE,
                    "So says the likelihood, KL(p‖p_G). L_G is a mean over generated points only.",
                ),
            ),
        ),
        hint="What is $D^*$ at the points that the first generator makes?",
        solution=_preferred_solution,
        explorer="gan_game",
        state={"separation": 4.0, "scale": 0.5},
    ),
)
