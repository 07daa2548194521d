"""Would the notebooks notice a wrong number? `python -m tests.notebook_mutants` asks; ten minutes.

One quantity at a time is made 1 % larger in the kernel of a notebook, before its first cell runs,
and nbval must find an output that differs. Nothing is changed on disk: the kernels take a start-up
file from a folder of IPython's own that is made for this run.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
# Quantity -> what computes it, as module:function or module:class.method, and its notebook.
QUANTITIES = {
    "kl": ("divlab.divergences.f_divergences:kl", "03"),
    "reverse_kl": ("divlab.divergences.f_divergences:reverse_kl", "03"),
    "js": ("divlab.divergences.f_divergences:js", "03"),
    "tv": ("divlab.divergences.f_divergences:tv", "03"),
    "hellinger": ("divlab.divergences.f_divergences:hellinger", "03"),
    "chi2": ("divlab.divergences.f_divergences:chi2", "03"),
    "wasserstein": ("divlab.divergences.distances:wasserstein", "03"),
    "cramer": ("divlab.divergences.distances:cramer", "03"),
    "entropy": ("divlab.divergences.entropies:entropy", "01"),
    "coverage": ("divlab.metrics:coverage", "07"),
    "the ELBO": ("divlab.models.objectives.variational:ELBO.loss", "02"),
    "the GAN's loss": ("divlab.models.objectives.classifiers:Discriminator.critic_loss", "06"),
}
START_UP = """
import sys
sys.path.insert(0, {root!r})
from tests.notebook_mutants import enlarge
enlarge({where!r})
"""


def enlarge(where: str) -> None:
    """Makes a function or a method return 1 % more, in this process."""
    import importlib

    from tests.mutants import enlarged, mutate

    module, name = where.split(":")
    if "." not in name:
        mutate(module, name)
        return
    owner, method = name.split(".")
    found = getattr(importlib.import_module(module), owner)
    setattr(found, method, enlarged(getattr(found, method)))


def notices(quantity: str, *, broken: bool = True) -> bool:
    """Whether nbval finds a difference in the notebook of that quantity."""
    where, number = QUANTITIES[quantity]
    (notebook,) = (ROOT / "notebooks").glob(f"{number}_*.ipynb")
    with tempfile.TemporaryDirectory() as folder:
        startup = Path(folder) / "profile_default" / "startup"
        startup.mkdir(parents=True)
        if broken:
            text = START_UP.format(root=str(ROOT), where=where)
            (startup / "00-enlarge.py").write_text(text, encoding="utf-8")
        command = [sys.executable, "-m", "pytest", "--nbval", "-q", "-p", "no:cacheprovider"]
        run = subprocess.run(
            [*command, str(notebook)], cwd=ROOT, env=os.environ | {"IPYTHONDIR": folder},
            capture_output=True, text=True,
        )  # fmt: skip
    if run.returncode not in (0, 1):
        raise RuntimeError(run.stdout[-2000:] + run.stderr[-2000:])
    return run.returncode == 1


def main(arguments: Sequence[str] | None = None) -> None:
    """Tries every quantity, or those named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("quantities", nargs="*", default=list(QUANTITIES), help="which ones")
    unseen = []
    for quantity in parser.parse_args(arguments).quantities:
        is_seen = notices(quantity)
        unseen += [] if is_seen else [quantity]
        print(f"{quantity}:", "turns red" if is_seen else "NOT SEEN", flush=True)
    print(f"{len(unseen)} not seen", *unseen)


if __name__ == "__main__":
    main()
