"""Exercises of 02, the ELBO and its gap."""

import math
from typing import Any

from numpyro.distributions import Normal

import divlab
from divlab.exercises.answers import Choice, Exercise, Formula, Mistake
from divlab.languages import listed, phrase

# z ~ N(0, 1), x | z ~ N(z, 1), at x = 2, with an encoder that gives the prior.
_PRIOR = Normal(0.0, 1.0)
_POSTERIOR = Normal(1.0, math.sqrt(0.5))
_EQUAL, _ABOVE, _BELOW = "equal to the NLL", "above the NLL", "below the NLL"
_BETAS = ("0.25", "0.5", "1", "1.5", "4")


def _bound() -> Any:
    reconstruction = divlab.cross_entropy(_PRIOR, Normal(2.0, 1.0))
    return reconstruction + divlab.kl(_PRIOR, _PRIOR)


def _nll() -> Any:
    return -Normal(0.0, math.sqrt(2.0)).log_prob(2.0)


def _mean_gap(a: float, s: float) -> Any:
    # x and the decoder's mean are independent, so x - a z has the variance a² + s² + a².
    bound = divlab.cross_entropy(Normal(0.0, math.sqrt(2 * a**2 + s**2)), Normal(0.0, s))
    return bound - divlab.entropy(Normal(0.0, math.hypot(a, s)))


def _place_of_beta_loss() -> str:
    excess = (4.0 - 1.0) * float(divlab.kl(_POSTERIOR, _PRIOR))
    return _ABOVE if excess > 0 else _BELOW if excess < 0 else _EQUAL


def _at_the_end(name: str) -> dict[str, float]:
    table = divlab.evidence.stored("beta_vaes")[name].isel(step=-1).mean("seed")
    return dict(zip(_BETAS, table.values.tolist(), strict=True))


def _best_beta() -> str:
    found = _at_the_end("kl")
    return min(found, key=lambda beta: found[beta])


def _gap_solution() -> str:
    return phrase(
        "The posterior at $x = 2$ is $N(1, \\tfrac12)$. "
        "$\\mathrm{KL}(N(0,1)\\,\\|\\,N(1,\\tfrac12)) = \\tfrac12\\log\\tfrac12 + (1 + 1)/1 "
        "- \\tfrac12 = {kl:.4f}$ nats. Check: $-\\mathrm{ELBO}$ is {bound:.4f} and the NLL "
        "is {nll:.4f}.",
        kl=float(divlab.kl(_PRIOR, _POSTERIOR)),
        bound=float(_bound()),
        nll=float(_nll()),
    )


def _mean_solution() -> str:
    return phrase(
        "$-\\mathrm{ELBO}$ has no KL to the prior here. Its mean is $\\tfrac12\\log 2\\pi "
        "s^2 + (2a^2 + s^2)/2s^2$, because $x - az$ has the variance $2a^2 + s^2$. The mean "
        "NLL is $\\tfrac12\\log 2\\pi e(a^2 + s^2)$. The difference is $a^2/s^2 - "
        "\\tfrac12\\log(1 + a^2/s^2)$: {gap:.4f} nats for $a = s = 1$, and zero only for $a "
        "= 0$, where $x$ does not depend on $z$.",
        gap=float(_mean_gap(1.0, 1.0)),
    )


def _beta_solution() -> str:
    kl = float(divlab.kl(_POSTERIOR, _PRIOR))
    return phrase(
        "$\\text{loss}_4 = \\mathrm{NLL} + \\text{gap} + 3\\,\\mathrm{KL}(q\\,\\|\\,p(z))$, "
        "with a gap of zero. Take the decoder of the first exercise: at $x = 2$ "
        "$\\mathrm{KL} = {kl:.4f}$. So the loss is {excess:.4f} nats above the NLL, though "
        "the encoder is exact.",
        kl=kl,
        excess=3 * kl,
    )


def _best_solution() -> str:
    kls, losses, gaps = (_at_the_end(name) for name in ("kl", "loss", "gap"))
    rows = [
        phrase(
            "β = {beta}: KL {kl:.3f}, loss {loss:.3f}, gap {gap:.4f}",
            beta=beta,
            kl=kls[beta],
            loss=losses[beta],
            gap=gaps[beta],
        )
        for beta in _BETAS
    ]
    return phrase(
        "Means over 16 seeds, in nats: {rows}. The lowest KL goes with neither the lowest loss nor "
        "the smallest gap.",
        rows=listed(rows, "; "),
    )


EXERCISES = (
    Exercise(
        question=(
            "The prior is $N(0, 1)$ and the decoder is $p(x|z) = N(z, 1)$. The encoder has not "
            "learned anything: $q(z|x) = N(0, 1)$ for every $x$. How large is the gap at $x = 2$, "
            "in nats?"
        ),
        answer=Formula(
            lambda: divlab.kl(_PRIOR, _POSTERIOR),
            unit="nats",
            mistakes=(
                Mistake(
                    lambda: divlab.kl(_PRIOR, _PRIOR),
                    "That is the KL divergence to the prior. The gap is the one to the posterior.",
                ),
                Mistake(
                    lambda: divlab.kl(_POSTERIOR, _PRIOR),
                    "You swapped them: the gap is KL(q‖posterior), with q first.",
                ),
                Mistake(
                    lambda: divlab.kl(_PRIOR, Normal(1.0, 0.5)),
                    "The posterior has the variance ½, so its scale is √½ and not ½.",
                ),
                Mistake(_bound, "That is -ELBO. The gap is -ELBO less the NLL."),
                Mistake(_nll, "That is the NLL. The gap is -ELBO less the NLL."),
                Mistake(
                    lambda: divlab.kl(_PRIOR, _POSTERIOR) / math.log(2),
                    "That is in bits; divlab counts in nats, with the natural logarithm.",
                ),
            ),
        ),
        hint="With $a = s = 1$ the posterior is $N(x/2, 1/2)$.",
        solution=_gap_solution,
        explorer="elbo_gap",
        state={"x": 2.0},
    ),
    Exercise(
        question=(
            "The decoder is $p(x|z) = N(az, s^2)$, and the data are what this model makes, "
            "$N(0, a^2 + s^2)$. The encoder gives the prior for every $x$. What is the mean of the "
            "gap over the data? Write a formula in <code>a</code> and <code>s</code>."
        ),
        answer=Formula(
            _mean_gap,
            at={"a": (0.5, 2.0), "s": (0.6, 1.5)},
            written="a^2/s^2 - log(1 + a^2/s^2)/2",
            unit="nats",
            mistakes=(
                Mistake(
                    "a^2/s^2 - log(1 + a^2/s^2)",
                    "You forgot the ½ of the logarithm: it is a logarithm of a ratio of scales.",
                ),
                Mistake(
                    "log(1 + a^2/s^2)/2",
                    "That is the mean of KL(posterior‖q). The gap has q first.",
                ),
                Mistake(
                    "a^2/(2*s^2) - log(1 + a^2/s^2)/2",
                    "That is the gap at $x = 0$. Over the data, $x^2$ has the mean $a^2 + s^2$.",
                ),
                Mistake(
                    "a/s - log(1 + a/s)/2",
                    "Take the variances $a^2$ and $s^2$ where you took the scales.",
                ),
            ),
        ),
        hint="What is the variance of $x - az$, if $x$ and $z$ are independent?",
        solution=_mean_solution,
        explorer="elbo_gap",
        state={"x": 0.0},
    ),
    Exercise(
        question=(
            "The encoder is the exact posterior, and it is not the prior. Where is the loss of a "
            "β-VAE with $\\beta = 4$?"
        ),
        answer=Choice(
            (_EQUAL, _ABOVE, _BELOW),
            _place_of_beta_loss,
            mistakes=(
                Mistake(
                    _EQUAL,
                    "That holds for β = 1. Here three more KL divergences to the prior are added.",
                ),
                Mistake(_BELOW, "That can happen for β < 1 only: KL is never negative."),
            ),
        ),
        hint="Write the loss as NLL + gap + something.",
        solution=_beta_solution,
        explorer="elbo_gap",
    ),
    Exercise(
        question=(
            "β-VAEs were trained on two Gaussians with five values of β (16 seeds each). Which β "
            "gave the lowest $\\mathrm{KL}(p\\,\\|\\,p_\\theta)$ on average over the seeds?"
        ),
        answer=Choice(
            _BETAS,
            _best_beta,
            mistakes=(
                Mistake(
                    "0.25",
                    "It has the lowest loss, but for β < 1 the loss is no bound on the NLL.",
                ),
                Mistake(
                    "0.5",
                    "Better than 0.25, but the loss still rewards a KL to the prior: it is no "
                    "bound.",
                ),
                Mistake(
                    "1.5",
                    "Its bound is tight, because the latent says nothing: the model is one "
                    "Gaussian.",
                ),
                Mistake(
                    "4",
                    "Its bound is tight, because the latent says nothing: the model is one wide "
                    "Gaussian.",
                ),
            ),
        ),
        hint="For which β is the loss an upper bound with nothing added to it?",
        solution=_best_solution,
        explorer="elbo_gap",
    ),
)
