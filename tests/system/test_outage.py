"""A database that goes away and comes back: senders hear of it, readers stay, all of it heals by itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager

import pytest

from tests import postgresql
from tests.system.http import Answer, Api
from tests.system.server import ROOT, RunningChat
from tests.system.websocket import WebSocket

pytestmark = pytest.mark.postgresql

ROOM = "lobby"
HEALED_S = 10
HEALED_SOON_S = 2.0


@pytest.fixture(name="server")
def own_server() -> Iterator[postgresql.OwnServer]:
    """Start a PostgreSQL that this test may stop."""
    binaries = postgresql.installed_binaries()
    if binaries is None:
        assert not os.environ.get("CI"), "no installed PostgreSQL to stop and start"
        pytest.skip("no installed PostgreSQL to stop and start")
    with closing(postgresql.OwnServer(binaries)) as server:
        server.start()
        yield server


@pytest.fixture(name="site")
def site_of_its_own(server: postgresql.OwnServer) -> dict[str, str]:
    """Return the environment of a migrated site on that server."""
    postgresql.create(server, "chat")
    environment = {"DATABASE_URL": server.url("chat")}
    manage(environment, "migrate", "--verbosity", "0")
    manage(environment, "createsuperuser", "--noinput", "--username", "ana", "--email", "")
    return environment


def manage(environment: dict[str, str], *arguments: str) -> str:
    """Run a management command and return what it printed."""
    command = [sys.executable, "manage.py", *arguments]
    whole = {**os.environ, "DJANGO_SUPERUSER_PASSWORD": "a long passphrase", **environment}
    done = subprocess.run(
        command, cwd=ROOT, env=whole, stdout=subprocess.PIPE, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


@contextmanager
def readers(
    chat: RunningChat, token: str, after: int
) -> Iterator[tuple[WebSocket, Iterator[tuple[str, int | None, object]]]]:
    """Read a room by a WebSocket and an event stream."""
    with ExitStack() as stack:
        socket = stack.enter_context(WebSocket(chat.port, token=token))
        socket.send(type="join", room=ROOM, after=after)
        socket.receive_type("joined")
        stream = stack.enter_context(closing(Api(chat.port, token).stream(ROOM, f"after={after}")))
        events = iter(stream)
        assert next(events)[0] == "hello"
        yield socket, events


def send(api: Api, nonce: str) -> Answer:
    """Send once, whatever the answer."""
    return api.call("POST", f"/api/rooms/{ROOM}/messages", {"body": f"{nonce} says hello", "nonce": nonce})


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_postgresql_is_stopped_and_started_again(
    server: postgresql.OwnServer, site: dict[str, str], mode: str
) -> None:
    token = manage(site, "token", "ana").splitlines()[-1]
    with RunningChat(**site) as chat:
        api = Api(chat.port, token)
        first = api.send(ROOM, "before", "n0")["id"]
        with readers(chat, token, first) as (socket, events):
            server.stop(mode)
            refused = send(api, "during")
            assert (refused.status, refused.json["code"]) == (503, "unavailable")
            assert refused.json["nonce"] == "during"
            assert int(refused.headers["retry-after"]) >= 1
            assert api.call("GET", "/healthz").status == 200
            assert api.call("GET", "/readyz").status == 503
            socket.send(type="send", room=ROOM, body="by socket", nonce="socket")
            error = socket.receive_type("error", "sent")
            assert (error["code"], error["nonce"]) == ("unavailable", "socket")
            server.start()
            again = heal(api)
            socket.send(type="send", room=ROOM, body="by socket", nonce="socket")
            assert socket.receive_type("sent")["sent"][0]["nonce"] == "socket"
            log = api.history(ROOM)
            assert [one["nonce"] for one in log] == ["n0", "during", "socket"]
            assert again["id"] == log[1]["id"]
            live = [next(events) for _message in log[1:]]
            assert [key for _event, key, _data in live] == [one["id"] for one in log[1:]]
        with readers(chat, token, 0) as (socket, _events):
            assert socket.receive_type("messages")["messages"][0]["id"] == first
        assert chat.terminate() == 0


@contextmanager
def paused(server: postgresql.OwnServer) -> Iterator[None]:
    """Stop all of a server's processes: it answers nothing and closes nothing."""
    processes = server.processes()
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)


def seconds(call: Callable[[], object]) -> float:
    """Return how long a call takes."""
    began_s = time.monotonic()
    call()
    return time.monotonic() - began_s


def test_postgresql_that_is_paused_answers_nobody_and_keeps_nobody(
    server: postgresql.OwnServer, site: dict[str, str]
) -> None:
    token = manage(site, "token", "ana").splitlines()[-1]
    with RunningChat(**site) as chat:
        api = Api(chat.port, token)
        first = api.send(ROOM, "before", "n0")["id"]
        with readers(chat, token, first) as (socket, events):
            with paused(server):
                socket.send(type="send", room=ROOM, body="by socket", nonce="socket")
                refused: list[Answer] = []
                assert seconds(lambda: refused.append(send(api, "during"))) < 5.5
                assert (refused[0].status, refused[0].json["nonce"]) == (503, "during")
                error = socket.receive_type("error", "sent")
                assert (error["code"], error["nonce"]) == ("unavailable", "socket")
                for path in ("/healthz", "/static/admin/css/base.css"):
                    assert max(seconds(lambda path=path: api.call("GET", path)) for _ in range(20)) < 0.25  # type: ignore[misc]
                assert seconds(lambda: api.call("GET", "/readyz")) < 5.5
            assert seconds(lambda: heal(api)) < HEALED_SOON_S
            assert seconds(lambda: next(events)) < HEALED_SOON_S
            assert socket.receive_type("messages")["messages"][0]["nonce"] in {"socket", "during"}
            assert api.call("GET", "/readyz").status == 200
        log = [one["nonce"] for one in api.history(ROOM)]
        assert log.count("during") == 1
        assert log.count("socket") <= 1
        assert chat.terminate() == 0


@pytest.mark.parametrize("workers", [1, 2])
def test_a_server_ends_in_time_while_postgresql_is_paused(
    server: postgresql.OwnServer, site: dict[str, str], workers: int
) -> None:
    token = manage(site, "token", "ana").splitlines()[-1]
    with RunningChat("--workers", str(workers), **site) as chat:
        api = Api(chat.port, token)
        api.send(ROOM, "before", "n0")
        with WebSocket(chat.port, token=token) as socket:
            socket.receive_type("hello")
            with paused(server):
                socket.send(type="send", room=ROOM, body="never answered", nonce="n1")
                threading.Event().wait(0.2)
                codes: list[int] = []
                assert seconds(lambda: codes.append(chat.terminate())) < 10
        assert codes == [0], chat.log


def heal(api: Api) -> dict[str, object]:
    """Send again until it is stored, and return the message."""
    end = time.monotonic() + HEALED_S
    while (answer := send(api, "during")).status == 503:
        assert time.monotonic() < end, "the server does not heal"
        threading.Event().wait(0.1)
    assert answer.status in {200, 201}
    message: dict[str, object] = answer.json
    return message
