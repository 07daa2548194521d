"""Where the game of two numbers ends, against what is known in closed form."""

from typing import Any

import numpy as np

from divlab import evidence, objectives


def test_ends_of_the_wasserstein_game() -> None:
    """The two ways of stepping could be swapped, or another step be the last."""
    games: dict[str, Any] = {"wgan": objectives.Wasserstein(clip=100.0), "r1": "r1"}
    found = evidence.dirac_ends(games, start=(1.0, 0.0), rate=0.1, steps=50)["distance"]
    np.testing.assert_allclose(found.sel(game="wgan", way="at once"), 1.01**25, rtol=1e-4)
    step = np.array([[0.99, 0.1], [-0.1, 1.0]])  # ψ first, then θ against the new ψ
    end = np.linalg.matrix_power(step, 50) @ [1.0, 0.0]
    np.testing.assert_allclose(found.sel(game="wgan", way="in turn"), np.hypot(*end), rtol=1e-4)
    assert found.sel(game="r1").dims == ("way",)
