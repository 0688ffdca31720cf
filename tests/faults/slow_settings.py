"""Settings of a site that has pages which take their time (tests/faults/slow_urls.py)."""

from __future__ import annotations

from tests.settings import *  # noqa: F403

ROOT_URLCONF = "tests.faults.slow_urls"
