"""Training speed beside a PyTorch eager loop of the same networks, and what compiling costs.

Every figure is the median of several rounds, in which the contenders take turns.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

import divlab

ROUNDS, STEPS, SEEDS, BATCH, HIDDEN = 5, 400, 64, 256, 32


def torch_gan(steps: int) -> None:
    """A non-saturating GAN as a tutorial would write it: eager, one thread."""
    import torch  # a large download that nothing else here needs

    torch.set_num_threads(1)

    def network() -> Any:
        return torch.nn.Sequential(
            torch.nn.Linear(1, HIDDEN), torch.nn.LeakyReLU(0.2),
            torch.nn.Linear(HIDDEN, HIDDEN), torch.nn.LeakyReLU(0.2),
            torch.nn.Linear(HIDDEN, 1),
        )  # fmt: skip

    generator, critic = network(), network()
    of_generator = torch.optim.Adam(generator.parameters(), lr=1e-3)
    of_critic = torch.optim.Adam(critic.parameters(), lr=1e-3)
    softplus = torch.nn.functional.softplus
    for _ in range(steps):
        side = torch.randint(0, 2, (BATCH, 1)) * 4.0 - 2.0
        real = side + 0.5 * torch.randn(BATCH, 1)
        fake = generator(torch.randn(BATCH, 1)).detach()
        loss = softplus(-critic(real)).mean() + softplus(critic(fake)).mean()
        of_critic.zero_grad()
        loss.backward()
        of_critic.step()
        loss = softplus(-critic(generator(torch.randn(BATCH, 1)))).mean()
        of_generator.zero_grad()
        loss.backward()
        of_generator.step()


def seconds(function: Callable[..., Any], *arguments: Any, **options: Any) -> float:
    start = time.perf_counter()
    function(*arguments, **options)
    return time.perf_counter() - start


def multiply_large_matrices(size: int = 2048, times: int = 8) -> None:
    matrix = jnp.ones((size, size), jnp.float32)
    for _ in range(times):
        product = _multiply(matrix, matrix)
    product.block_until_ready()


_multiply = jax.jit(jnp.matmul)


def training_speed() -> None:
    target, model = divlab.targets.two_gaussians(), divlab.GAN("non_saturating")
    options: dict[str, Any] = {"batch_size": BATCH, "record_every": 100}
    many = f"divlab.fit_many, {SEEDS} seeds"
    contenders: dict[str, tuple[float, Callable[[], Any]]] = {
        "PyTorch eager, one thread": (STEPS, lambda: torch_gan(STEPS)),
        "divlab.fit": (10 * STEPS, lambda: divlab.fit(model, target, steps=10 * STEPS, **options)),
        many: (
            STEPS * SEEDS,
            lambda: divlab.fit_many(model, target, seeds=SEEDS, steps=STEPS, **options),
        ),
        "matmul": (8 * 2 * 2048**3, multiply_large_matrices),
    }
    for _, run in contenders.values():
        run()  # compiles
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(ROUNDS):
        for name, (_, run) in contenders.items():
            times[name].append(seconds(run))
    rates = {n: contenders[n][0] / statistics.median(t) for n, t in times.items()}
    multiplications = rates.pop("matmul")
    peer = next(iter(rates.values()))
    print(f"{'non-saturating GAN, 32x32, batch 256':40s} {'seed-steps/s':>14s} {'ratio':>8s}")
    for name, rate in rates.items():
        print(f"{name:40s} {rate:14.0f} {rate / peer:8.1f}")
    flops = rates[many] * divlab.training_cost(model, BATCH).flops
    print(
        f"{many}: {flops / 1e9:.1f} GFLOP/s by XLA's count, "
        f"{flops / multiplications:.2f} of a 2048 x 2048 float32 matmul's "
        f"{multiplications / 1e9:.1f}"
    )


def cost_of_seeds() -> None:
    """Each number of seeds in a process of its own, whose peak memory is its own."""
    code = (
        "import resource, sys, time, divlab; divlab.configure(); "
        "seeds = int(sys.argv[1]); steps = max(20, 6400 // seeds); "
        "train = lambda: divlab.fit_many(divlab.GAN(), divlab.targets.two_gaussians(), "
        "seeds=seeds, steps=steps, record_every=20); "
        "train(); start = time.perf_counter(); train(); "
        "print(seeds * steps / (time.perf_counter() - start), "
        "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6)"
    )
    print(f"{'seeds':>6s} {'seed-steps/s':>14s} {'peak memory, GB':>16s}")
    for seeds in (1, 4, 16, 64, 256, 1024):
        run = [sys.executable, "-c", code, str(seeds)]
        result = subprocess.run(run, check=True, capture_output=True, text=True).stdout.split()
        print(f"{seeds:6d} {float(result[0]):14.0f} {float(result[1]):16.2f}")


def compile_times() -> None:
    """First call less second call, without a cache on disk and with one that is warm."""
    code = (
        "import sys, time, divlab; divlab.configure(); "
        "model = divlab.GAN if sys.argv[1] in divlab.GAN_OBJECTIVES else divlab.VAE; "
        "import jax; jax.numpy.zeros(3).block_until_ready(); "
        "train = lambda: divlab.fit_many(model(sys.argv[1]), "
        "divlab.targets.two_gaussians(), seeds=64, steps=1); "
        "start = time.perf_counter(); train(); middle = time.perf_counter(); train(); "
        "print(2 * middle - start - time.perf_counter())"
    )
    print(f"{'compiling fit_many, s':24s} {'cold':>8s} {'warm':>8s}")
    for name in (*divlab.GAN_OBJECTIVES, *divlab.VAE_OBJECTIVES):
        with tempfile.TemporaryDirectory() as folder:
            times = [
                subprocess.run(
                    [sys.executable, "-c", code, name],
                    check=True,
                    capture_output=True,
                    text=True,
                    env=os.environ | {"JAX_COMPILATION_CACHE_DIR": folder},
                ).stdout
                for _ in range(2)
            ]
        print(f"{name:24s} {float(times[0]):8.2f} {float(times[1]):8.2f}")


def recompilation() -> None:
    target = divlab.targets.two_gaussians
    divlab.fit(divlab.GAN("non_saturating"), target(4.0, 0.5), steps=20)
    compiled: list[float] = []

    def listen(event: str, duration_secs: float, **_: str | int) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(duration_secs)

    jax.monitoring.register_event_duration_secs_listener(listen)
    changes = {
        "separation": (divlab.GAN("non_saturating"), target(6.0, 0.5)),
        "scale": (divlab.GAN("non_saturating"), target(4.0, 0.8)),
        "learning rate": (divlab.GAN("non_saturating", learning_rate=2e-3), target(4.0, 0.5)),
    }
    for name, (model, changed) in changes.items():
        compiled.clear()
        divlab.fit(model, changed, steps=20)
        print(f"programs compiled by a second fit with another {name}: {len(compiled)}")
    jax.monitoring.unregister_event_duration_listener(listen)


def first_result() -> None:
    code = (
        "import divlab; divlab.configure(); "
        "model, target = divlab.GAN('non_saturating'), divlab.targets.two_gaussians(); "
        "run = divlab.fit(model, target, steps=200); "
        "print(run.log_prob(0.0))"
    )
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {"JAX_COMPILATION_CACHE_DIR": folder}
        run = [sys.executable, "-c", code]
        options = {"check": True, "env": environment, "stdout": subprocess.DEVNULL}
        cold = seconds(subprocess.run, run, **options)
        warm = statistics.median(seconds(subprocess.run, run, **options) for _ in range(3))
    print(
        "fresh process to first result (import, fit, log_prob): "
        f"cold {cold:.1f} s, warm {warm:.1f} s"
    )


def run() -> None:
    training_speed()
    recompilation()
    first_result()
    cost_of_seeds()
    compile_times()
