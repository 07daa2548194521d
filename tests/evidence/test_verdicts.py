"""The ledger says of each claim what is known of it, and its verdicts follow from its numbers."""

import re

import numpy as np
import pytest
import xarray as xr

from divlab import evidence
from divlab.evidence import CLAIMS, claims, recipes

# As derived by hand, or settled by trials that this package did not make.
KNOWN = {
    1: "holds", 2: "holds", 3: "does not hold", 4: "holds if", 5: "holds", 6: "holds", 7: "holds",
    8: "holds if", 9: "holds", 11: "holds if", 12: "does not hold", 13: "holds", 14: "holds if",
    18: "holds", 19: "holds if",
}  # fmt: skip


def test_every_claim_has_a_number_and_a_verdict() -> None:
    """A row could be prose alone, or contradict what is known."""
    ledger = evidence.ledger()
    assert list(ledger.index) == list(range(1, 24))
    assert set(ledger["verdict"]) <= {claims.HOLDS, claims.HOLDS_IF, claims.FAILS}
    for number, row in ledger.iterrows():
        assert re.search(r"\d", row["measured"]), number
        assert row["verdict"] == claims.HOLDS or row["remark"], number
    found = ledger["verdict"].to_dict()
    assert {number: found[number] for number in KNOWN} == KNOWN


def _swapped(table: xr.Dataset) -> xr.Dataset:
    """The same table with the labels of its models in the other order."""
    labels = table["model"].values
    return table.assign_coords(model=labels[::-1])


@pytest.mark.parametrize("number", [13, 14, 15, 23])
def test_other_numbers_give_another_verdict(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """A verdict could be written down instead of following from the numbers."""
    before = CLAIMS[number][0]()
    right = recipes.stored
    monkeypatch.setattr("divlab.evidence.claims.stored", lambda name: _swapped(right(name)))
    after = CLAIMS[number][0]()
    assert after.measured != before.measured
    assert after.verdict != before.verdict


@pytest.mark.parametrize("number", [4, 21])
def test_no_verdict_is_written_down(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """A row could say "holds if" whatever its table says."""
    right = recipes.stored
    changed = {name: right(name) * 0 for name in ("beta_vaes", "divergences_and_games")}
    monkeypatch.setattr(
        "divlab.evidence.claims.stored", lambda name: changed.get(name, right(name))
    )
    assert CLAIMS[number][0]().verdict != claims.HOLDS_IF


def test_a_wrong_divergence_gives_another_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    """The exact rows could compare a number with itself."""
    monkeypatch.setattr(claims, "kl", lambda p, q: np.float64(1.01))
    for number in (1, 7):
        assert CLAIMS[number][0]().verdict == claims.FAILS
