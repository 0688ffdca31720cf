"""A site with another user model: an e-mail address to log in with, UUIDs for keys."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.databases
def test_the_rooms_serve_a_site_whose_people_log_in_by_email() -> None:
    """Django's user model is chosen once a process, so the cases run in one of their own."""
    manage = Path(__file__).parent.parent / "manage.py"
    site = "tests.sites.email_login"
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
