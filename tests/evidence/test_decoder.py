"""What the decoder's noise does, against draws of the same decoders."""

from typing import Any

import numpy as np
import pytest
from scipy import special

import divlab
from divlab import evidence
from divlab.compiling import QUICKLY, jit_with


def test_parts_are_those_of_the_trained_vaes() -> None:
    """The parts could be swapped, or the noise be in other units than the scale."""
    options: dict[str, Any] = {"seeds": 3, "steps": 40, "batch_size": 32}
    table = evidence.decoder_noise([3.0], scale=0.4, hidden=(8,), **options)
    target = divlab.targets.two_gaussians(3.0, 0.4)
    runs = divlab.fit_many(divlab.VAE("elbo", hidden=(8,)), target, **options)
    z = special.ndtri((np.arange(20_000) + 0.5) / 20_000).astype(np.float32)
    decode = jit_with(QUICKLY)(runs.model.decode)  # one program; else each operation is one
    for seed in range(3):
        mean, log_scale = decode(runs[seed].params, z[:, None])
        row = table.isel(separation=0, seed=seed)
        assert float(row["noise"]) == pytest.approx(float(np.exp(log_scale[0])) / 0.4, rel=1e-5)
        alone, whole = divlab.coverage(mean, target), divlab.coverage(runs[seed], target)
        for name in ("bridge", "sharpness"):
            without, with_noise = row[name].sel(part=list(evidence.decoder.PARTS)).values
            assert without == pytest.approx(float(getattr(alone, name)), rel=0.01, abs=2e-3)
            assert with_noise == pytest.approx(float(getattr(whole, name)), rel=1e-5)
