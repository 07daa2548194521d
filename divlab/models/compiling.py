"""How programs are compiled where waiting for the compiler is much of the cost.

Checked with jaxlib 0.10.2; XLA gives no promise that it keeps the names of these options.
"""

from typing import Any

# Of what runs once or never: in about a quarter of the usual time. Results are the same, and what
# XLA counts; a program would run slower.
QUICKLY: dict[str, Any] = {
    "xla_backend_optimization_level": 0,
    "xla_cpu_use_fusion_emitters": False,
}
# Of a training: in four fifths of the usual time. Seven models of all kinds learned the same
# parameters, bit by bit, and no more slowly.
FOR_TRAINING: dict[str, Any] = {"xla_backend_optimization_level": 1}
# Of what runs for less than a second in all: in half of the usual time, and about as fast, as for
# divergences of 121 pairs of distributions, or losses of a VAE on 100,000 draws. Trainings of GANs
# and of flows would run at half the speed.
WITHOUT_FUSION: dict[str, Any] = {
    "xla_backend_optimization_level": 1,
    "xla_cpu_use_fusion_emitters": False,
}
