"""The site behind nginx, by the very files of docs/operations.md."""

from __future__ import annotations

import json
import re
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPResponse, HTTPSConnection
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests import nginx
from tests.browser.site import RoomTab, Site, run
from tests.system.server import ROOT, RunningChat, free_port

pytestmark = [pytest.mark.browser, pytest.mark.nginx]

HOST = "localhost"
PATIENCE_S = 10
"""Less than until a stream says something of itself."""
MANUAL = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def file_of(name: str) -> str:
    """Return what the manual puts into a file."""
    after = MANUAL.split(f"`{name}`", 1)[1]
    block = re.search(r"(?:^(?:    .*)?\n)+(?=^\S)", after.split("\n", 2)[2], re.MULTILINE)
    assert block is not None
    return re.sub("^    ", "", block[0], flags=re.MULTILINE)


def settings() -> dict[str, str]:
    """Return what the manual's file of settings sets, for this host."""
    lines = file_of("/etc/chat.env").replace("chat.example.org", HOST).split()
    return dict(line.split("=", 1) for line in lines)


def certificate(folder: Path) -> tuple[Path, Path]:
    key, own = folder / "privkey.pem", folder / "fullchain.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "1",
        "-subj",
        f"/CN={HOST}",
    ]
    subprocess.run([*command, "-keyout", str(key), "-out", str(own)], check=True, capture_output=True)
    return key, own


@dataclass
class Front:
    """The site as the world sees it."""

    site: Site
    port: int
    plain_port: int
    certificate: Path

    @property
    def url(self) -> str:
        return f"https://{HOST}:{self.port}"

    @contextmanager
    def asked(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> Iterator[HTTPResponse]:
        """Ask as ana, by token."""
        trusting = ssl.create_default_context(cafile=str(self.certificate))
        sent = {"Authorization": f"Bearer {self.site.tokens['ana']}"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(HTTPSConnection(HOST, self.port, timeout=PATIENCE_S, context=trusting)) as connection:
            connection.request(method, path, body, sent)
            with closing(connection.getresponse()) as answer:
                yield answer


@pytest.fixture(scope="module")
def front(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("nginx")
    data, unix, port, plain_port = folder / "data", folder / "chat.sock", free_port(), free_port()
    environment = {**settings(), "CHAT_DATA_DIR": str(data), "DATABASE_URL": ""}
    environment["ALLOWED_HOSTS"] += ",127.0.0.1"  # where the test's own server listens beside
    key, own = certificate(folder)
    sites = file_of("/etc/nginx/conf.d/chat.conf")
    for said, here in {
        "listen 443 ": f"listen 127.0.0.1:{port} ",
        "listen 80;": f"listen 127.0.0.1:{plain_port};",
        "chat.example.org;": f"{HOST};",
        "/run/chat/chat.sock": str(unix),
        "/etc/letsencrypt/live/chat.example.org/fullchain.pem": str(own),
        "/etc/letsencrypt/live/chat.example.org/privkey.pem": str(key),
    }.items():
        assert said in sites
        sites = sites.replace(said, here)
    tokens = json.loads(run(environment, "-m", "tests.browser.people"))
    with (
        RunningChat("--listen", f"unix:{unix}", **environment) as chat,
        nginx.running(folder, sites, port),
    ):
        yield Front(Site(chat, browser, tokens, environment), port, plain_port, own)


@contextmanager
def room_of(front: Front, name: str) -> Iterator[RoomTab]:
    with front.site.visitor(name, own_session=True, url=front.url, ignore_https_errors=True) as visitor:
        yield visitor.room()


def test_two_people_talk_over_websockets(front: Front) -> None:
    with room_of(front, "ana") as ana, room_of(front, "ben") as ben:
        for tab in (ana, ben):
            tab.live("websocket")
        ana.send("over nginx")
        ben.sees("over nginx")
        cookies = ana.page.context.cookies()
        assert cookies
        assert all(cookie["secure"] for cookie in cookies if cookie["name"] in {"sessionid", "csrftoken"})


def test_where_websockets_fail_it_streams(front: Front) -> None:
    with front.site.visitor("ana", own_session=True, url=front.url, ignore_https_errors=True) as ana:
        tab = ana.room(transport="sse")
        tab.send("by stream")
        tab.sees("by stream")
        expect(tab.page.locator("#connection")).to_have_attribute("data-transport", "sse")


def test_a_stream_is_not_held_back(front: Front) -> None:
    messages = "/api/rooms/lobby/messages"
    with front.asked("/api/rooms/lobby/events?after=0") as stream:
        assert any(b"event: hello" in stream.readline() for _line in range(9))
        with front.asked(messages, "POST", b'{"body": "at once"}', Content_Type="application/json") as answer:
            assert answer.status == 201
        assert any(b"at once" in stream.readline() for _line in range(1_000))


def test_the_largest_file_comes_through(front: Front) -> None:
    data = b"x" * (10 * 1024 * 1024)
    with front.asked("/api/rooms/lobby/files?name=x.bin", "POST", data) as answer:
        assert answer.status == 201, answer.read()


def test_plain_http_leads_to_tls_whatever_a_client_says_of_itself(front: Front) -> None:
    with socket.create_connection(("127.0.0.1", front.plain_port), timeout=PATIENCE_S) as plain:
        told = "X-Forwarded-Proto: https\r\nConnection: close"
        plain.sendall(f"GET /accounts/login/ HTTP/1.1\r\nHost: {HOST}\r\n{told}\r\n\r\n".encode())
        head = plain.makefile("rb").read()
    assert head.startswith(b"HTTP/1.1 301")
    assert f"Location: https://{HOST}/accounts/login/".encode() in head
    with front.asked("/accounts/login/", X_Forwarded_Proto="http") as answer:
        assert answer.status == 200
