"""All tests of this folder need a browser."""

import pytest

from .pages import need_chromium


@pytest.fixture(scope="session", autouse=True)
def chromium() -> None:
    """Comes before all other fixtures, which would start servers for nothing."""
    need_chromium()
