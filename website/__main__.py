"""Makes the site: explorers, then each edition, then a look at every link."""

import sys
import time

from sphinx.cmd.build import main as sphinx

from website import check, explorers
from website.pages import LANGUAGES, PARTS, SITE, places, stage


def main(options: list[str]) -> int:
    """Builds the site.

    Args:
        options: passed on to Sphinx, as ["-E"], which reads all pages again.

    Returns:
        0, or 1 after a warning, or where a link leads nowhere.
    """
    started = time.monotonic()
    explorers.make()
    _say("explorers", started)
    known = places()
    for language in LANGUAGES:
        out = SITE if language == "en" else SITE / language
        failed = sphinx(
            [
                *("-b", "html", "-q", "-n", "-W", "--keep-going", "-j", "2", "-t", language),
                *("-c", "website", "-d", str(PARTS / "doctrees" / language), *options),
                *(str(stage(language, known)), str(out)),
            ]
        )
        if failed:
            return 1
        _say(LANGUAGES[language], started)
    wrong = check.faults(SITE)
    for fault in wrong:
        print(fault, file=sys.stderr)
    _say(f"{len(wrong)} faults of links; the site is {SITE / 'index.html'}", started)
    return 1 if wrong else 0


def _say(what: str, started: float) -> None:
    print(f"[{time.monotonic() - started:4.0f} s] {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
