"""divlab: how the choice of divergence shapes what a generative model learns."""

from importlib.metadata import version

from divlab.divergences import cross_entropy, entropy, js, kl, reverse_kl, tv, wasserstein

__version__ = version("divlab")
