"""Sites with another user model, each in `tests/sites`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def assert_cases_hold(site: str) -> None:
    """Run a site's cases in a process of their own: Django's user model is chosen once a process."""
    manage = Path(__file__).parent.parent / "manage.py"
    site = f"tests.sites.{site}"
    ended = subprocess.run(
        [sys.executable, manage, "test", f"{site}.cases", f"--settings={site}.settings", "--noinput"],
        env={**os.environ, "PYTHONWARNINGS": "error"},
        cwd=manage.parent,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "Ran 0 tests" not in ended.stderr
