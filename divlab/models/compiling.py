"""How programs are compiled that run once or never, where waiting for the compiler is all the cost.

Checked with jaxlib 0.10.2; XLA gives no promise that it keeps the names of these options.
"""

from typing import Any

# In about a quarter of the usual time. The results, and what XLA counts, are the same; a program
# would run slower.
QUICKLY: dict[str, Any] = {
    "xla_backend_optimization_level": 0,
    "xla_cpu_use_fusion_emitters": False,
}
