"""Settings of a site whose code is broken on purpose: FAULTS_SABOTAGE names how (tests/faults/sabotage/)."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.sabotage"]
