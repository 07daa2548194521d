"""Kept until every importer has moved to `inputs`."""

from divlab.divergences.inputs import *  # noqa: F403
