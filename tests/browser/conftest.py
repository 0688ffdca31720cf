"""One Chromium for all tests in a browser.

It lives as long as this package's tests: while Playwright runs, its event loop makes Django refuse the ORM in
this thread. So no test here uses the ORM; a site of their own is a process of its own.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests import chromium
from tests.browser.site import Site, running_site


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Run a Chromium for the tests of this package."""
    with chromium.running() as running:
        yield running


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Serve a site of its own to the tests of a module."""
    with running_site(browser, tmp_path_factory.mktemp("site")) as site:
        yield site
