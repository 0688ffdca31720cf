"""A site of its own, served by `manage.py runchat`, and browsers that visit it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import (
    APIRequestContext,
    Browser,
    BrowserContext,
    Locator,
    Page,
    StorageState,
    expect,
)

from tests.browser.people import PASSWORD
from tests.system.server import ROOT, RunningChat

WITHIN_MS = 15_000
"""How long a page may take for what should take a moment, on a machine that is busy."""

A_NUMBER = re.compile(r"^\d+$")

expect.set_options(timeout=WITHIN_MS)


@dataclass
class Site:
    """A running site with the people and rooms of `people.py`."""

    chat: RunningChat
    browser: Browser
    tokens: dict[str, str]
    environment: dict[str, str]
    logged_in: dict[str, StorageState] = field(default_factory=dict)

    def program(self, *arguments: str) -> str:
        """Run a program of the project's on this site and return what it printed."""
        return run(self.environment, *arguments)

    @contextmanager
    def visitor(
        self, name: str | None, *, own_session: bool = False, url: str | None = None, **options: Any
    ) -> Iterator[Visitor]:
        """Open a browser of somebody's, logged in unless `name` is None; at another origin if one is given.

        Visitors of one name share a session; one who logs out wants `own_session`.
        """
        shared = None if own_session or name is None else self.logged_in.get(name)
        context = self.browser.new_context(base_url=url or self.chat.url, storage_state=shared, **options)
        context.set_default_timeout(WITHIN_MS)
        visitor = Visitor(context, name, url or self.chat.url)
        try:
            if name is not None and shared is None:
                visitor.log_in()
                if not own_session:
                    self.logged_in[name] = context.storage_state()
            yield visitor
        finally:
            context.close()
        assert not visitor.complaints, visitor.complaints

    @contextmanager
    def caller(self, name: str) -> Iterator[Caller]:
        """Call the API as somebody, by token."""
        headers = {"Authorization": f"Bearer {self.tokens[name]}"}
        context = self.browser.new_context(base_url=self.chat.url, extra_http_headers=headers)
        try:
            yield Caller(context.request)
        finally:
            context.close()


@dataclass
class Caller:
    """Somebody's calls of the API."""

    request: APIRequestContext

    def post(self, body: str, room: str = "lobby") -> int:
        """Send a message and return its id."""
        answer = self.request.post(f"/api/rooms/{room}/messages", data={"body": body})
        assert answer.status == 201, answer.text()
        return int(answer.json()["id"])

    def edit(self, message: int, body: str, room: str = "lobby") -> None:
        """Change a message's text."""
        answer = self.request.patch(f"/api/rooms/{room}/messages/{message}", data={"body": body})
        assert answer.status == 200, answer.text()

    def redact(self, message: int, room: str = "lobby") -> None:
        """Take a message away."""
        answer = self.request.delete(f"/api/rooms/{room}/messages/{message}", data={})
        assert answer.status == 200, answer.text()

    def log(self, room: str = "lobby") -> list[dict[str, Any]]:
        """Return the room's whole log."""
        rows: list[dict[str, Any]] = []
        after = 0
        while True:
            page = self.request.get(f"/api/rooms/{room}/messages?after={after}&limit=200").json()
            rows += page["messages"]
            after = page["last_id"]
            if not page["more"]:
                return rows

    def bodies(self, room: str = "lobby") -> list[str | None]:
        """Return the texts of the room's messages."""
        return [row.get("body") for row in self.log(room) if row["kind"] == "message"]


@dataclass
class Visitor:
    """Somebody's browser. What pages complain of is kept, and what they ask other hosts for."""

    context: BrowserContext
    name: str | None
    url: str
    complaints: list[str] = field(default_factory=list)
    bearable: tuple[str, ...] = ()

    def open(self, path: str) -> Page:
        """Open a page in a tab of its own."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("console", lambda message: self._heard(message.type, message.text))
        page.on("request", lambda request: self._asked(request.url))
        page.goto(path)
        return page

    def room(self, slug: str = "lobby", transport: str | None = None) -> RoomTab:
        """Open a room in a tab of its own and wait until it is live."""
        tab = self.arriving(slug, transport)
        tab.live()
        return tab

    def arriving(self, slug: str = "lobby", transport: str | None = None) -> RoomTab:
        """Open a room in a tab of its own."""
        choice = f"?transport={transport}" if transport else ""
        return RoomTab(self.open(f"/rooms/{slug}/{choice}"))

    def log_in(self) -> None:
        """Log in by the page."""
        page = self.open("/accounts/login/")
        page.fill("[name=username]", self.name or "")
        page.fill("[name=password]", PASSWORD)
        page.click("main button[type=submit]")
        expect(page.locator("h1")).to_have_text("Rooms")
        page.close()

    def _asked(self, url: str) -> None:
        if not url.startswith((f"{self.url}/", "data:", "blob:")):
            self.complaints.append(f"asks elsewhere: {url}")

    def _heard(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not any(part in text for part in self.bearable):
            self.complaints.append(f"{kind}: {text}")


@dataclass
class RoomTab:
    """A tab with a room in it."""

    page: Page

    def live(self, transport: str | None = None) -> None:
        """Wait until the connection is open, by a transport if one is named."""
        mark = self.page.locator("#connection")
        expect(mark).to_have_attribute("data-state", "open")
        if transport:
            expect(mark).to_have_attribute("data-transport", transport)
        expect(self.page.locator("#log")).not_to_have_attribute("aria-busy", "true")

    @property
    def messages(self) -> Locator:
        """All messages, also those on their way."""
        return self.page.locator(".message")

    @property
    def settled(self) -> Locator:
        """The messages that the log has brought."""
        return self.page.locator(".message[data-id]")

    def message(self, text: str) -> Locator:
        """Return the row of a message by its whole text."""
        body = self.page.locator(".body").get_by_text(text, exact=True)
        return self.page.locator(".message").filter(has=body)

    def send(self, text: str) -> None:
        """Type a message and send it."""
        self.page.fill("#text", text)
        self.page.press("#text", "Enter")

    def texts(self) -> list[str]:
        """Return the raw texts of all rows."""
        found: list[str] = self.page.locator(".message > .body").evaluate_all(
            "all => all.map(one => one.textContent)"
        )
        return found

    def sees(self, *texts: str) -> None:
        """Wait until each of these is there once, brought by the log."""
        for text in texts:
            expect(self.message(text)).to_have_count(1)
            expect(self.message(text)).to_have_attribute("data-id", A_NUMBER)


def run(environment: dict[str, str], *arguments: str) -> str:
    """Run Python on a site and return what it printed."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


@contextmanager
def running_site(browser: Browser, data_dir: Path) -> Iterator[Site]:
    """Make a site in a folder and serve it."""
    environment = {"CHAT_DATA_DIR": str(data_dir), "DATABASE_URL": ""}
    tokens = json.loads(run(environment, "-m", "tests.browser.people"))
    with RunningChat(**environment) as chat:
        yield Site(chat, browser, tokens, environment)
