"""The ledger: every claim, the number that was measured for it, and a verdict."""

from collections.abc import Callable

import pandas as pd

from divlab.divergences.diagnosis import quietly
from divlab.evidence import claims

# Number of the claim -> (what measures it, where it is shown).
CLAIMS: dict[int, tuple[Callable[[], claims.Finding], str]] = {
    1: (claims.nll_is_kl_plus_a_constant, "01"),
    2: (claims.nll_is_bounded_by_the_elbo, "02"),
    3: (claims.elbo_is_nll_with_a_regulariser, "02"),
    4: (claims.vaes_minimise_kl, "02"),
    5: (claims.js_is_symmetric_and_bounded, "03"),
    6: (claims.kl_covers_and_reverse_kl_seeks, "03"),
    7: (claims.no_overlap, "04"),
    8: (claims.kl_pulls_harder_from_afar, "04"),
    9: (claims.js_is_weak_and_wasserstein_is_not, "04, 09"),
    10: (claims.far_estimates_saturate, "05"),
    11: (claims.gans_minimise_js, "06"),
    12: (claims.the_nlls_kl_is_the_generators_loss, "06"),
    13: (claims.vaes_cover_both_modes, "07"),
    14: (claims.gans_focus_on_one_mode, "07"),
    15: (claims.coverage_against_sharpness, "07"),
    16: (claims.wasserstein_gans_are_more_stable, "09"),
    17: (claims.other_objectives_change_coverage, "10"),
    18: (claims.a_divergence_need_not_fall, "09"),
    19: (claims.cost_is_linear_in_the_width, "11"),
    20: (claims.gans_cost_more, "11"),
    21: (claims.the_divergence_decides, "12"),
    22: (claims.divergence_or_game_loses_modes, "08"),
    23: (claims.kl_blurs, "08"),
}


def ledger() -> pd.DataFrame:
    """Every claim of the article and of this course, measured now.

    Returns:
        A table with one row for each claim, by its number: `claim`, `measured` (numbers with their
        units), `verdict` ("holds", "holds if" or "does not hold"), `remark` (the condition, or what
        is true instead) and `notebook`, where it is shown.

    Example:
        >>> import divlab
        >>> divlab.evidence.ledger().loc[7, "verdict"]
        'holds'
    """
    rows = []
    with quietly():
        for measure, notebook in CLAIMS.values():
            rows.append(
                {
                    "claim": str(measure.__doc__).removesuffix("."),
                    **measure()._asdict(),
                    "notebook": notebook,
                }
            )
    return pd.DataFrame(rows, index=pd.Index(list(CLAIMS), name="number"))
