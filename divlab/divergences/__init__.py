"""How far apart are two distributions?"""

from divlab.divergences.verbs import (
    cross_entropy,
    entropy,
    js,
    kl,
    reverse_kl,
    tv,
    wasserstein,
)

__all__ = ["cross_entropy", "entropy", "js", "kl", "reverse_kl", "tv", "wasserstein"]
