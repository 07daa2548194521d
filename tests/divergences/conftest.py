import jax
import pytest


@pytest.fixture(params=["float32", "float64"])
def precision(request):
    """The test runs once with JAX's default of 32 bits and once with 64."""
    with jax.enable_x64(request.param == "float64"):
        yield request.param
