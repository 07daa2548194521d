"""What a step costs, against counts by hand."""

import itertools
from typing import Any

import pytest

import divlab
from divlab import objectives


def multiplications(*sizes: int) -> Any:
    return sum(a * b for a, b in itertools.pairwise(sizes))


def test_parameters_are_weights_and_biases() -> None:
    gan = divlab.training_cost(divlab.GAN(hidden=(8, 4), latent_dim=2, data_dim=3), 16)
    generator = multiplications(2, 8, 4, 3) + 8 + 4 + 3
    critic = multiplications(3, 8, 4, 1) + 8 + 4 + 1
    assert gan.parameters == generator + critic
    vae = divlab.training_cost(divlab.VAE(hidden=(8,), latent_dim=2, data_dim=3), 16)
    assert vae.parameters == (3 * 8 + 8 + 8 * 4 + 4) + (2 * 8 + 8 + 8 * 3 + 3) + 1


def test_wide_layers_cost_what_their_matrix_products_do() -> None:
    """Two operations for each weight and point, forward, and twice that backward.

    There is no gradient to the first layer's input.
    """
    width, size = 512, 64
    cost = divlab.training_cost(divlab.VAE(hidden=(width, width)), size)
    products = 2 * size * 3 * 2 * width * width  # both hidden products; the others are thin
    assert products < cost.flops < 1.1 * products


def flops_of_gan(objective: Any) -> int:
    """Of small networks: loops are written out, which takes as long to compile as they are."""
    return divlab.training_cost(divlab.GAN(objective, hidden=(8,)), 32).flops


def test_every_update_of_the_critic_is_counted() -> None:
    one, two, three = (flops_of_gan(objectives.WassersteinGP(critic_steps=k)) for k in (1, 2, 3))
    assert three - two == pytest.approx(two - one, rel=0.05)
    assert two > 1.3 * one


def test_looking_ahead_is_counted() -> None:
    one, two, three = (flops_of_gan(objectives.Unrolled(unrolled_steps=k)) for k in (1, 2, 3))
    assert three - two == pytest.approx(two - one, rel=0.05)
    assert flops_of_gan("non_saturating") < one


def test_cost_grows_with_points_and_dimensions() -> None:
    def flops(size: Any = 64, **settings: Any) -> Any:
        return divlab.training_cost(divlab.VAE(hidden=(32,), **settings), size).flops

    assert flops(256) == pytest.approx(4 * flops(64), rel=0.1)
    assert flops(data_dim=1024) == pytest.approx(4 * flops(data_dim=256), rel=0.1)


@pytest.mark.parametrize(
    ("arguments", "name"),
    [((divlab.VAE(), 0), "batch_size"), ((divlab.VAE(), 1.5), "batch_size")],
)
def test_bad_input(arguments: Any, name: str) -> None:
    with pytest.raises((TypeError, ValueError), match=name):
        divlab.training_cost(*arguments)


def test_only_numbers_are_learned() -> None:
    with pytest.raises(ValueError, match="data_dim=2"):
        divlab.fit(divlab.GAN(data_dim=2), divlab.targets.two_gaussians(), steps=1)
