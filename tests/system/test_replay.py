"""A real channel's month through real clients of all transports, while a browser watches.

What the browser's page holds as text (it keeps the newest, and reads the rest upwards), what a fresh
read of the history gives, and what every reader got equal the file, line by line in the order
acknowledged. A file of one message a line, `time TAB nick TAB text`, is named by CHAT_REPLAY_LOG, or
lies in `shared/data` beside the checkout; else `tests/data/conversation.tsv` is taken.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client, TransactionTestCase
from playwright.sync_api import Page

from tests import chromium
from tests.support_rooms import LOBBY
from tests.system.http import Api
from tests.system.readers import TRANSPORTS, Reader
from tests.system.server import ROOT, RunningChat
from tests.system.site import Caller, caller, leave_the_database
from tests.system.websocket import WebSocket

pytestmark = [pytest.mark.databases, pytest.mark.browser]

SENDERS = 6
IN_FLIGHT = 8
PAGE_TIMEOUT_MS = 60_000
MARKED_UP = re.compile(r"[\\`*_~\[\]<>&#|@]|^\s*([-+]|\d+[.)])\s|^\s{4}|www\.|://")
"""What Markdown may draw otherwise than it was typed."""
SHOWN = """() => {
  window.shown ??= {};
  for (const item of document.querySelectorAll("#messages li.message[data-id]")) {
    window.shown[item.dataset.id] = item.querySelector(".body").textContent.trim();
  }
  return window.shown;
}"""
SCROLL_UP = f"""() => {{
  const scroller = document.getElementById("scroller");
  const up = () => {{
    ({SHOWN})();
    scroller.scrollTop = 0;
    if (document.getElementById("beginning").hidden) setTimeout(up, 20);
  }};
  up();
}}"""


@dataclass(frozen=True)
class Line:
    """A line of the file: who said what. Its number is its nonce."""

    number: int
    nick: str
    text: str

    @property
    def nonce(self) -> str:
        """The line's own key for its send."""
        return f"line-{self.number}"


def log_file() -> Path:
    """Return the log to replay."""
    beside = sorted(ROOT.parent.glob("shared/data/*.tsv"))
    named = os.environ.get("CHAT_REPLAY_LOG")
    return Path(named) if named else next(iter(beside), ROOT / "tests/data/conversation.tsv")


def lines_of(path: Path) -> list[Line]:
    """Return the lines of a log, trimmed as a send is."""
    rows = (row.split("\t", 2) for row in path.read_text(encoding="utf-8").split("\n") if row)
    return [Line(number, nick, text.strip()) for number, (_time, nick, text) in enumerate(rows)]


def by_websocket(port: int, who: Caller, lines: Sequence[Line]) -> dict[str, int]:
    """Send by WebSocket, several in flight, and return the id of each nonce."""
    stored: dict[str, int] = {}
    with WebSocket(port, token=who.token) as socket:
        for sent, line in enumerate(lines):
            socket.send(type="send", room=LOBBY, body=line.text, nonce=line.nonce)
            while sent + 1 - len(stored) >= IN_FLIGHT:
                _take_acknowledgements(socket, stored)
        while len(stored) < len(lines):
            _take_acknowledgements(socket, stored)
    return stored


def _take_acknowledgements(socket: WebSocket, stored: dict[str, int]) -> None:
    frame = socket.receive_type("sent", "error")
    assert frame["type"] == "sent", frame
    stored.update((one["nonce"], one["id"]) for one in frame["sent"])


def by_http(port: int, who: Caller, lines: Sequence[Line]) -> dict[str, int]:
    """Send by POST, one after the other, and return the id of each nonce."""
    api = Api(port, who.token)
    return {line.nonce: api.send(LOBBY, line.text, line.nonce)["id"] for line in lines}


class Replay(TransactionTestCase):
    """Each nick is a user; the lines of one nick are sent in order, six nicks at a time."""

    def test_the_page_the_history_and_every_reader_hold_the_file(self) -> None:
        lines = lines_of(log_file())
        self.people = {nick: caller(nick) for nick in sorted({line.nick for line in lines})}
        watcher = Client()
        watcher.force_login(next(iter(self.people.values())).user)
        leave_the_database()
        with (
            RunningChat() as chat,
            self._page(chat, watcher.cookies[settings.SESSION_COOKIE_NAME].value) as page,
        ):
            readers = self._readers(chat)
            ids = self._send(chat, lines)
            expected = [line.text for line in sorted(lines, key=lambda line: ids[line.nonce])]
            last = max(ids.values())
            for reader in readers:
                self.assertEqual([one["body"] for one in reader.wait_until(last)], expected)
            history = Api(chat.port, self.people[lines[0].nick].token).history(LOBBY)
            self.assertEqual([one["body"] for one in history], expected)
            self.assertEqual(
                {one["nonce"]: (one["id"], one["author"]["name"]) for one in history},
                {line.nonce: (ids[line.nonce], line.nick) for line in lines},
            )
            page.wait_for_selector(f'#messages li[data-id="{last}"]', timeout=PAGE_TIMEOUT_MS)
            self._shows(page.evaluate(SHOWN), history, whole=False)
            self._scroll_to_the_beginning(page)
            self._shows(page.evaluate(SHOWN), history, whole=True)

    def _shows(self, shown: dict[str, str], history: list[dict[str, Any]], *, whole: bool) -> None:
        """Check what stood on the page, by id: the end of the history or all of it, with nothing left out."""
        ids = sorted(map(int, shown))
        self.assertEqual(ids, [one["id"] for one in history][0 if whole else -len(ids) :])
        texts = {one["id"]: one["body"] for one in history if not MARKED_UP.search(one["body"])}
        plain = [id_ for id_ in ids if id_ in texts]
        self.assertGreater(len(plain), len(ids) // 2)
        self.assertEqual([shown[str(id_)] for id_ in plain], [texts[id_] for id_ in plain])

    def _readers(self, chat: RunningChat) -> list[Reader]:
        token = next(iter(self.people.values())).token
        readers = [Reader(chat.port, token, LOBBY, transports=(one,), hang_up=False) for one in TRANSPORTS]
        readers.append(Reader(chat.port, token, LOBBY, seed=5))
        for reader in readers:
            reader.start()
        return readers

    def _send(self, chat: RunningChat, lines: Sequence[Line]) -> dict[str, int]:
        """Send all lines and return the ids under which they were acknowledged."""
        by_nick = groupby(
            sorted(lines, key=lambda line: (line.nick, line.number)), key=lambda line: line.nick
        )
        ids: dict[str, int] = {}
        taken = threading.Lock()

        def speak(number: int, nick: str, own: list[Line]) -> None:
            stored = (by_websocket, by_http)[number % 2](chat.port, self.people[nick], own)
            with taken:
                ids.update(stored)

        with ThreadPoolExecutor(SENDERS) as pool:
            jobs = [pool.submit(speak, n, nick, list(own)) for n, (nick, own) in enumerate(by_nick)]
            for job in jobs:
                job.result()
        self.assertEqual(len(ids), len(lines))
        return ids

    def _scroll_to_the_beginning(self, page: Page) -> None:
        """Read upwards, as a person does, until there is nothing before."""
        page.evaluate(SCROLL_UP)
        page.wait_for_selector("#beginning", timeout=PAGE_TIMEOUT_MS)

    @contextmanager
    def _page(self, chat: RunningChat, session_key: str) -> Iterator[Page]:
        """Have a browser look at the room from before the first message on."""
        with chromium.running() as browser:
            context = browser.new_context(base_url=chat.url)
            cookie = {"name": settings.SESSION_COOKIE_NAME, "value": session_key, "url": chat.url}
            context.add_cookies([cookie])  # type: ignore[list-item]
            page = context.new_page()
            page.goto(f"/rooms/{LOBBY}/")
            page.wait_for_selector('#connection[data-state="open"]', timeout=PAGE_TIMEOUT_MS)
            yield page
            context.close()
