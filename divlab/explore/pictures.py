"""Makes the pictures of the dashboard's front page and of the docs; `make pictures` runs it."""

from pathlib import Path

from divlab import figures
from divlab.explore import EXPLORERS
from divlab.figures.scene import Scene

_ROOT = Path(__file__).parents[1]
_CARDS, _DOCS = _ROOT / "data" / "pictures", _ROOT.parent / "docs"
# The panel that tells most of an explorer, where that is not its first one.
_TELLING = {"nll_is_kl": 1, "disjoint_supports": 1, "divergences": 1, "wasserstein_gan": 1}
_TELLING |= {"elbo_gap": 2, "two_sample_test": 2, "minimum_divergence": 1, "mode_collapse": 1}
_OF_DOCS = ("mode_collapse",)  # explorers of which the docs show the whole picture


def main() -> None:
    """Trains what trains, and writes one PNG for each explorer."""
    _CARDS.mkdir(exist_ok=True)
    for name, entry in EXPLORERS.items():
        explorer = entry.load()()
        if "train" in explorer.controls:
            explorer.controls["train"].click()
        scene = explorer.current_scene
        panel = scene.panels[_TELLING.get(name, 0)]
        card = figures.paint(Scene((panel,), columns=1, height=0.66), width=4.0)
        (_CARDS / f"{name}.png").write_bytes(figures.save(card, "png", dpi=90))
        if name in _OF_DOCS:
            (_DOCS / f"{name}.png").write_bytes(figures.save(explorer.figure, "png", dpi=150))
        explorer.close()
        print(name, flush=True)


if __name__ == "__main__":
    main()
