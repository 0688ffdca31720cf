"""The chat in a Django site of somebody else's, by what docs/installing.md says alone."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests import postgresql
from tests.system.foreign import PASSWORD, ForeignSite
from tests.system.http import Api
from tests.system.server import RunningChat
from tests.system.session import Session
from tests.system.websocket import WebSocket

pytestmark = pytest.mark.databases

LACKING = {"rooms.E024", "rooms.W002", "rooms.W003", "rooms.W006", "rooms.W008", "realtime.W002"}
LACKING_ON_SQLITE = {"rooms.E010", "rooms.W005"}
"""What a site as Django makes one is told, once the apps are installed and nothing else is done."""

SENT = {"Content-Type": "text/plain"}


class Installed:
    """The site with the chat in it, served."""

    def __init__(self, site: ForeignSite, chat: RunningChat, tokens: list[str]) -> None:
        self.site = site
        self.chat = chat
        self.ana, self.ben = tokens

    def get(self, path: str, **headers: str) -> Any:
        """Ask for a page as a guest."""
        return Api(self.chat.port).call("GET", path, headers=headers)


@pytest.fixture(name="database", scope="module")
def database_of_the_site() -> Iterator[dict[str, str]]:
    """Return what Django is told of a database of its own; nothing where the run is on SQLite."""
    if connection.vendor == "sqlite":
        yield {}
        return
    server, name = postgresql.GivenServer(os.environ["DATABASE_URL"]), postgresql.unique_name()
    parts = ("ENGINE", "USER", "PASSWORD", "HOST", "PORT")
    postgresql.create(server, name)
    yield {part: str(connection.settings_dict[part]) for part in parts} | {"NAME": name}
    postgresql.drop(server, name)


@pytest.fixture(name="installed", scope="module")
def site_with_the_chat(
    tmp_path_factory: pytest.TempPathFactory, database: dict[str, str]
) -> Iterator[Installed]:
    site = ForeignSite(tmp_path_factory.mktemp("foreign"), database)
    before = (site.folder / "mysite/settings.py").read_text(encoding="utf-8")
    site.add("mysite/settings.py", 'INSTALLED_APPS += ["rooms", "realtime"]\n')
    said = site.manage("check", expected=1)
    assert "Traceback" not in said
    told = set(re.findall(r"\(((?:rooms|realtime)\.[EW]\d+)\)", said)) - {"rooms.W004"}
    assert told == (LACKING if database else LACKING | LACKING_ON_SQLITE), said
    (site.folder / "mysite/settings.py").write_text(before, encoding="utf-8")
    site.install()
    said = site.manage("check", "--fail-level", "WARNING")
    assert "no issues" in said
    site.manage("migrate")
    tokens = site.people()
    chat = RunningChat(**site.environment)
    chat.folder = site.folder
    with chat:
        yield Installed(site, chat, tokens)


def test_the_sites_own_pages_are_as_they_were(installed: Installed) -> None:
    home = installed.get("/")
    assert (home.status, home.headers["x-mine"], home.headers["x-wrapped"]) == (200, "yes", "yes")
    assert b"My site" in home.body
    assert "content-security-policy" not in home.headers
    missing = installed.get("/no/such/page/")
    assert (missing.status, b"Mine is not there" in missing.body) == (404, True)


def test_a_guest_is_asked_to_log_in_by_the_site(installed: Installed) -> None:
    for page in ("/chat/", "/chat/rooms/lobby/", "/chat/accounts/login/"):
        answer = installed.get(page)
        assert (answer.status, answer.headers["location"][:17]) == (302, "/accounts/login/?"), page


def test_who_is_logged_in_by_the_site_posts_and_everybody_reads(installed: Installed) -> None:
    ana = Session(installed.chat.port, "ana@example.org", PASSWORD)
    with WebSocket(installed.chat.port, token=installed.ben) as socket:
        socket.send(type="join", room="lobby")
        socket.receive_type("joined")
        posted = ana.call("POST", "/api/rooms/lobby/messages", {"body": "from a page"})
        [heard] = socket.receive_type("messages")["messages"]
        socket.send(type="send", room="lobby", body="from a socket", nonce="n1")
        socket.receive_type("sent")
    assert (heard["id"], heard["body"], heard["author"]["name"]) == (posted["id"], "from a page", "Ana")
    bodies = [one["body"] for one in Api(installed.chat.port, installed.ana).history("lobby")]
    assert bodies[-2:] == ["from a page", "from a socket"]


def test_what_the_sites_own_code_writes_is_live(installed: Installed) -> None:
    with WebSocket(installed.chat.port, token=installed.ben) as socket:
        socket.send(type="join", room="lobby")
        socket.receive_type("joined")
        made = int(installed.get("/deploy/").body)
        [heard] = socket.receive_type("messages")["messages"]
    assert (heard["id"], heard["body"]) == (made, "deployed")


def test_the_page_of_a_room_is_whole(installed: Installed) -> None:
    ana = Session(installed.chat.port, "ana@example.org", PASSWORD)
    page = installed.get("/chat/rooms/lobby/", **ana.headers)
    text = page.body.decode()
    assert page.status == 200
    assert '<html lang="en"' in text
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert 'action="/chat/accounts/logout/"' in text
    [script] = re.findall(r'<script type="module" src="([^"]+)"', text)
    assert re.match(r"/static/v-[0-9a-f]{16}/", script)
    assert "immutable" in installed.get(script).headers["cache-control"]
    assert installed.get("/static/admin/css/base.css").status == 200


def test_a_file_lies_where_no_web_server_shows_it(installed: Installed) -> None:
    api = Api(installed.chat.port, installed.ana)
    sent = api.call("POST", "/api/rooms/lobby/files?name=a.txt", b"a file", headers=SENT)
    assert sent.status == 201, sent
    file = sent.json["file"]
    message = {"body": "", "files": [file["id"]]}
    assert api.call("POST", "/api/rooms/lobby/messages", message).status == 201
    assert api.call("GET", file["url"]).body == b"a file"
    assert installed.get(file["url"]).status in {401, 403, 404}
    kept = [path for path in (installed.site.folder / "uploads").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in kept] == [b"a file"]


def test_nothing_else_of_this_project_was_there(installed: Installed) -> None:
    tops = {path.name for path in Path(installed.site.environment["PYTHONPATH"]).iterdir()}
    assert {name for name in tops if not name.endswith(".dist-info")} == {"realtime", "rooms"}
    assert not [line for line in installed.chat.log if "Traceback" in line or "ERROR" in line]
