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
# Of what runs again and again without loops of many steps: in half of the usual time, and as fast,
# as are divergences at 121 pairs of distributions. Long trainings, and flows, it makes slower.
WITHOUT_FUSION: dict[str, Any] = {
    "xla_backend_optimization_level": 1,
    "xla_cpu_use_fusion_emitters": False,
}
