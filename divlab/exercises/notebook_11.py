"""Exercises of 11, what training costs."""

from collections.abc import Callable
from functools import partial

import divlab
from divlab import evidence
from divlab.exercises.answers import Choice, Exercise, Formula, Mistake
from divlab.languages import listed, phrase

_KINDS: dict[str, Callable[..., divlab.VAE | divlab.GAN]] = {"VAE": divlab.VAE, "GAN": divlab.GAN}


def _by_hand(kind: str, hidden: tuple[int, ...], data_dim: int, points: int) -> int:
    return evidence.operations_by_hand(_KINDS[kind](hidden=hidden, data_dim=data_dim), points)


# How many operations one more coordinate of the data adds, for one hidden layer.


def _of_a_coordinate(kind: str, width: float, points: float) -> int:
    hidden, size = (int(width),), int(points)
    return _by_hand(kind, hidden, 65, size) - _by_hand(kind, hidden, 64, size)


def _coordinate_solution() -> str:
    value = _of_a_coordinate("VAE", 512, 256)
    counted = divlab.training_cost(divlab.VAE(hidden=(512,), data_dim=64), 256).flops / 64
    return phrase(
        "A coordinate adds $H$ weights to the first layer of the encoder, which costs two "
        "products, and $H$ weights to the last layer of the decoder, which costs three: "
        "$2N(2H + 3H) = 10NH$. At $N = 256$ and $H = 512$ these are {by_hand:.3f} million "
        "operations. XLA counts {counted:.3f} million for each of 64 coordinates, with "
        "activations, losses and updates.",
        by_hand=value / 1e6,
        counted=counted / 1e6,
    )


def _ratio() -> float:
    return _of_a_coordinate("GAN", 512, 256) / _of_a_coordinate("VAE", 512, 256)


def _ratio_solution() -> str:
    vae, gan = (
        divlab.training_cost(kind(hidden=(512,), data_dim=64), 256).flops
        for kind in _KINDS.values()
    )
    return phrase(
        "$8 + 12 = 20$ against 10 times $NDH$: the ratio is {ratio:.0f}. At $N = 256$, $D = "
        "64$ and $H = 512$ XLA counts {gan:.0f} and {vae:.0f} million operations, a ratio of "
        "{counted:.2f}.",
        ratio=_ratio(),
        gan=gan / 1e6,
        vae=vae / 1e6,
        counted=gan / vae,
    )


_FACTORS = ("about 2", "about 4", "about 8")


def _growth(layers: int = 2) -> float:
    once, twice = (_by_hand("VAE", (width,) * layers, 64, 256) for width in (1024, 2048))
    return twice / once


def _factor() -> str:
    return min(_FACTORS, key=lambda option: abs(float(option.split()[-1]) - _growth()))


def _growth_solution() -> str:
    return phrase(
        "The matrices between hidden layers have $H^2$ weights. By hand the step costs "
        "{two_layers:.2f} times as much with two hidden layers, and {one_layer:.2f} times "
        "with one. It would be 4 exactly if nothing but the $H^2$ terms counted.",
        two_layers=_growth(),
        one_layer=_growth(1),
    )


_QUANTITIES = {
    "operations": "flops",
    "working memory": "memory",
    "bytes moved": "bytes",
    "parameters": "parameters",
}


def _exponent(name: str) -> float:
    table = evidence.stored("step_costs")["exponent"].sel(model="VAE", layers=1, vary="N")
    return abs(float(table.sel(quantity=_QUANTITIES[name])))


def _unchanged() -> str:
    return min(_QUANTITIES, key=_exponent)


def _unchanged_solution() -> str:
    shown = listed(
        phrase("{name} {power:.2f}", name=phrase(name), power=_exponent(name))
        for name in _QUANTITIES
    )
    return phrase(
        "The exponents in $N$ of a VAE with one hidden layer are: {shown}. All points of a "
        "batch share the same weights. Each point has activations of its own.",
        shown=shown,
    )


_MODELS = {
    "VAE, ELBO": "elbo",
    "VAE, IWAE": "iwae",
    "GAN, non-saturating": "non_saturating",
    "WGAN-GP": "wgan_gp",
    "Cramér GAN": "cramer",
}


def _median(of: str, name: str) -> float:
    found = evidence.arrivals(evidence.stored("steps_to_bar"))
    return float(found[of].sel(model=_MODELS[name]))


def _cheapest() -> str:
    return min(_MODELS, key=partial(_median, "flops"))


def _cheapest_solution() -> str:
    rows = [
        phrase(
            "{name}: {steps:.0f} steps of {each:.1f} million operations, {total:.2f} billion in "
            "all",
            name=phrase(name),
            steps=_median("steps", name),
            each=_median("flops_per_step", name) / 1e6,
            total=_median("flops", name) / 1e9,
        )
        for name in _MODELS
    ]
    return phrase(
        "Medians over 32 seeds. {shown}. Few steps do not make a training cheap.",
        shown=listed(rows, "; "),
    )


EXERCISES = (
    Exercise(
        question="A VAE has one hidden layer of $H$ units in the encoder and one in the decoder. "
        "By how many operations of matrix products does a training step with a batch of $N$ points "
        "grow, if each data point gets one more coordinate? Write a formula in N and H.",
        answer=Formula(
            lambda N, H: _of_a_coordinate("VAE", H, N),
            at={"N": (64, 256), "H": (16, 128)},
            written="10*N*H",
            mistakes=(
                Mistake(
                    "12*N*H",
                    "You counted three products for both layers. The data need no gradient, so the "
                    "encoder's first layer costs two.",
                ),
                Mistake("4*N*H", "That is the way forward. The gradients cost products too."),
                Mistake(
                    "5*N*H",
                    "A product of a weight and an input is also added up: two operations each.",
                ),
                Mistake(
                    "6*N*H", "That is one of the two layers that see the coordinate, the decoder's."
                ),
            ),
        ),
        hint="One coordinate more means H weights more in two layers. How many products of 2·N "
        "operations does each weight cost, in the first layer and in the last?",
        solution=_coordinate_solution,
        explorer="training_cost",
        state={"model": "VAE", "vary": "data dimension D", "layers": 1},
    ),
    Exercise(
        question="All networks have one hidden layer of the same width $H$, and $D$ is large. How "
        "many times the operations of a VAE's step does a GAN's step cost?",
        answer=Formula(
            _ratio,
            mistakes=(
                Mistake(
                    lambda: 1.0,
                    "Both have two networks of the same size, but a GAN's step runs them more "
                    "often: the critic scores real and fake points, and then the fakes once more.",
                ),
                Mistake(
                    lambda: (4 + 4 + 4 + 4) / 10,
                    "That comes out if the critic is updated on one batch only, or if the gradient "
                    "of the generator is not taken through the critic.",
                ),
                Mistake(lambda: 1 / _ratio(), "That is the VAE's step in units of the GAN's step."),
            ),
        ),
        hint="Add up the table of the GAN's products for $H_G = H_D = H$, and divide by $10NDH$.",
        solution=_ratio_solution,
        explorer="training_cost",
        state={"model": "GAN", "vary": "data dimension D", "layers": 1},
    ),
    Exercise(
        question="A VAE has two hidden layers of $H = 1024$ units in each network, $D = 64$ and "
        "$N = 256$. $H$ is doubled. By which factor do the operations of a step grow?",
        answer=Choice(
            _FACTORS,
            _factor,
            mistakes=(
                Mistake(
                    "about 2", "So it would be with one hidden layer, where each weight touches D."
                ),
                Mistake(
                    "about 8",
                    "A matrix between hidden layers has two sides that double, not three.",
                ),
            ),
        ),
        hint="Which term of the count is the largest one here, and which power of H does it have?",
        solution=_growth_solution,
        explorer="training_cost",
        state={"model": "VAE", "vary": "hidden width H", "layers": 2},
    ),
    Exercise(
        question="The batch of a VAE with one hidden layer grows. What does not grow with it?",
        answer=Choice(
            tuple(_QUANTITIES),
            _unchanged,
            mistakes=(
                Mistake("operations", "Each product has N rows, so its operations grow with N."),
                Mistake(
                    "working memory",
                    "The way back needs the activations of each point, so it grows with N.",
                ),
                Mistake("bytes moved", "Activations are written and read, and there are N rows."),
            ),
        ),
        hint="What do all points of a batch share?",
        solution=_unchanged_solution,
        explorer="training_cost",
        state={"model": "VAE", "vary": "batch size N", "layers": 1},
    ),
    Exercise(
        question="Which model came below the bar with the fewest operations, in the median?",
        answer=Choice(
            tuple(_MODELS),
            _cheapest,
            mistakes=(
                Mistake(
                    "WGAN-GP",
                    "It needs the fewest steps. But each one updates the critic several times, and "
                    "the penalty needs the gradient of a gradient.",
                ),
                Mistake(
                    "VAE, IWAE",
                    "It needs few steps. But each one decodes many latents for each data point.",
                ),
                Mistake(
                    "GAN, non-saturating",
                    "Its steps cost about twice those of the VAE, and it needs no fewer of them.",
                ),
                Mistake(
                    "Cramér GAN", "Its steps are the dearest of the five, and it needs 300 of them."
                ),
            ),
        ),
        hint="Multiply the number of steps by what a step costs.",
        solution=_cheapest_solution,
        explorer="mode_collapse",
    ),
)
