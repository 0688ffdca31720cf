"""Finds a Chromium for the tests in a browser, and starts it as a test run needs it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from playwright.sync_api import Browser, Playwright, sync_playwright

SYSTEM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""What distributions call it."""

QUIET = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)
"""A browser of a test run talks to nobody but the site."""


def executable(playwright: Playwright) -> Path | None:
    """Return an installed Chromium: the system's, else Playwright's own."""
    for name in SYSTEM_NAMES:
        if found := shutil.which(name):
            return Path(found)
    own = Path(playwright.chromium.executable_path)
    return own if own.exists() else None


def is_installed() -> bool:
    """Return whether tests in a browser can run here."""
    with sync_playwright() as playwright:
        return executable(playwright) is not None


@contextmanager
def running() -> Iterator[Browser]:
    """Run a Chromium without a screen for the length of a `with`; its profile is empty and goes with it.

    Playwright runs an event loop in this thread, by which Django would take a test's own use of the
    database for one inside a coroutine; so that is allowed meanwhile.
    """
    with patch.dict(os.environ, DJANGO_ALLOW_ASYNC_UNSAFE="1"), sync_playwright() as playwright:
        found = executable(playwright)
        if found is None:
            raise FileNotFoundError(
                "No Chromium: install Debian's chromium, or run `playwright install chromium`"
            )
        sandbox = os.geteuid() != 0  # Chromium's own does not work for root
        browser = playwright.chromium.launch(
            executable_path=found, args=list(QUIET), chromium_sandbox=sandbox
        )
        try:
            yield browser
        finally:
            browser.close()
