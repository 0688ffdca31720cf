"""The client's modules, one by one, inside Chromium. The tests themselves are modules/*_tests.js."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path, PurePosixPath
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from realtime.packing import is_ours, thd_pack

ROOT = Path(__file__).resolve().parents[2]
MODULES = Path(__file__).with_name("modules")
NAMED = re.compile(r'^test\("([^"]+)"', re.MULTILINE)
CASES = [
    (path.name, name)
    for path in sorted(MODULES.glob("*_tests.js"))
    for name in NAMED.findall(path.read_text())
]

pytestmark = pytest.mark.browser


class Files(SimpleHTTPRequestHandler):
    """Serves the client's own files, the tests', and an empty page."""

    extensions_map = {".js": "text/javascript", ".html": "text/html"}

    def translate_path(self, path: str) -> str:
        """Return the file that an address stands for."""
        bare = path.partition("?")[0]
        if bare.startswith("/static/"):
            return str(ROOT / "rooms" / bare.lstrip("/"))
        return str(MODULES / ("empty.html" if bare == "/" else bare.rpartition("/")[2]))

    def send_head(self) -> Any:
        """Send a script of the client's as the real server does."""
        path = self.path.partition("?")[0]
        if not path.startswith("/static/") or not is_ours(PurePosixPath(path)):
            return super().send_head()
        sent = thd_pack(Path(self.translate_path(path)), shorten=True).forms[""]
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/javascript")
        self.send_header("Content-Length", str(len(sent)))
        self.end_headers()
        return BytesIO(sent)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    """Open an empty page of a server of static files."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Files))
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"http://127.0.0.1:{server.server_port}/")
        yield page
        context.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize(("module", "name"), CASES, ids=[f"{module}: {name}" for module, name in CASES])
def test_module(page: Page, module: str, name: str) -> None:
    """Run one test in the page; what it throws is the failure."""
    page.evaluate(
        """async ([module, name]) => {
            await import(`/${module}`);
            const { tests } = await import("/check.js");
            const run = tests.get(name);
            if (!run) throw new Error("no such test");
            await run();
        }""",
        [module, name],
    )
