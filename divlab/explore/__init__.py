"""Interactive explorers: each function returns a widget that displays itself.

See `divlab.explore.base.Explorer` for what they share.
"""

from divlab.explore.disjoint_supports import DisjointSupports as disjoint_supports
from divlab.explore.mode_collapse import ModeCollapse as mode_collapse
from divlab.explore.nll_is_kl import NLLIsKL as nll_is_kl

__all__ = ["disjoint_supports", "mode_collapse", "nll_is_kl"]
