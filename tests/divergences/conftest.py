from collections.abc import Iterator

import jax
import pytest


@pytest.fixture(params=["float32", "float64"])
def precision(request: pytest.FixtureRequest) -> Iterator[str]:
    """The test runs once with JAX's default of 32 bits and once with 64."""
    with jax.enable_x64(request.param == "float64"):
        yield request.param


@pytest.fixture
def compilations() -> Iterator[list[float]]:
    """A list that grows by one whenever a program is compiled."""
    durations = []

    def listen(event: str, duration_secs: float, **_: str | int) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            durations.append(duration_secs)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield durations
    jax.monitoring.unregister_event_duration_listener(listen)
