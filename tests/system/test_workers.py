"""`runchat --workers N` on a real PostgreSQL: processes on one port, and a parent that sees to them."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Self

import pytest
from django.contrib.auth.models import User

from rooms.accounts import issue_token
from tests.support_rooms import person
from tests.system.http import Api
from tests.system.server import ROOT, RunningChat
from tests.system.websocket import Closed, WebSocket

pytestmark = pytest.mark.postgresql

ROOM = "lobby"
SOON_S = 20


class Crew(RunningChat):
    """A parent and its workers."""

    def __init__(self, size: int, *arguments: str, **environment: str) -> None:
        super().__init__("--workers", str(size), *arguments, LOG_LEVEL="info", **environment)

    def workers(self) -> list[int]:
        """Return the processes of the workers, those that are about to end too."""
        listing = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text()
        return [int(one) for one in listing.split()]

    def ready(self) -> list[int]:
        """Return the processes that ever said that they serve."""
        found = (re.search(r"Worker \d+ \(process (\d+)\) serves", line) for line in tuple(self.log))
        return [int(match[1]) for match in found if match]

    def has_told(self, having: str) -> bool:
        """Tell whether a line of the log has something in it."""
        return any(having in line for line in tuple(self.log))


def soon(what: Callable[[], bool], chat: RunningChat, limit_s: float = SOON_S) -> None:
    """Return once something holds; fail with the server's log where it does not in time."""
    end = time.monotonic() + limit_s
    while not what():
        assert time.monotonic() < end, "\n".join(chat.log)
        threading.Event().wait(0.02)


@pytest.fixture(name="crew")
def crew_of_two() -> Iterator[Crew]:
    """Start two workers, and wait until both serve."""
    with Crew(2) as chat:
        soon(lambda: len(chat.ready()) == 2, chat)
        yield chat


def gone(pid: int) -> bool:
    """Tell whether a process has ended, whoever is to bury it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@contextmanager
def sockets_of(chat: Crew, count: int, token: str = "") -> Iterator[list[WebSocket]]:
    """Open sockets of one user, or of guests."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(WebSocket(chat.port, token=token)) for _one in range(count)]
        for one in sockets:
            assert one.receive()["type"] == "hello"
        yield sockets


class TestServing:
    def test_one_port_several_processes_and_the_address_is_told_once(self, crew: Crew) -> None:
        api = Api(crew.port)
        assert api.call("GET", "/healthz").status == 200
        assert api.call("GET", "/accounts/login/").status == 200
        assert len(crew.workers()) == 2
        assert sorted(crew.workers()) == sorted(crew.ready())
        link = next(match[0] for line in crew.log if (match := re.search(r"/first-admin/\S+", line)))
        assert api.call("GET", link).status == 200, "no worker made a newer one"
        assert crew.terminate() == 0
        assert sum("The chat is at" in line for line in crew.log) == 1
        assert sum("/first-admin/" in line and "once" in line for line in crew.log) == 1

    def test_what_is_sent_to_one_is_heard_at_all(self, crew: Crew) -> None:
        ana = issue_token(person("ana"), "test")
        with sockets_of(crew, 16, ana) as readers:
            for one in readers:
                one.send(type="join", room=ROOM)
                one.receive_type("joined")
            Api(crew.port, ana).send(ROOM, "to all", "n1")
            for one in readers:
                assert one.receive_type("messages")["messages"][0]["nonce"] == "n1"
        assert crew.terminate() == 0

    def test_with_a_superuser_no_link_is_told(self) -> None:
        User.objects.create_superuser("root", password="a long passphrase")
        with Crew(2) as chat:
            soon(lambda: chat.has_told("The chat is at"), chat)
            assert chat.terminate() == 0
            assert not chat.has_told("/first-admin/")

    @pytest.mark.parametrize("workers", ["1", "2"])
    def test_told_to_stop_as_soon_as_it_listens_it_ends_well(self, workers: str) -> None:
        with RunningChat("--workers", workers) as chat:
            assert chat.terminate() == 0, chat.log
            assert not any("Traceback" in line for line in chat.log)

    def test_a_unix_socket_is_shared_too_and_outlives_a_worker(self, tmp_path: Path) -> None:
        path = tmp_path / "chat.sock"
        with Crew(2, "--listen", f"unix:{path}:mode=600") as chat:
            soon(lambda: len(chat.ready()) == 2, chat)
            assert path.stat().st_mode & 0o777 == 0o600
            chat.tell(signal.SIGHUP)
            soon(lambda: len(chat.ready()) == 4 and len(chat.workers()) == 2, chat)
            for page in ("/healthz", "/accounts/login/", "/api/rooms"):
                with socket.socket(socket.AF_UNIX) as client:
                    client.settimeout(10)
                    client.connect(str(path))
                    client.sendall(f"GET {page} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                    assert client.recv(100).startswith(b"HTTP/1.1 200"), page
            assert chat.terminate() == 0
        assert not path.exists()

    def test_that_of_a_killed_process_is_replaced_whoever_has_its_number_now(self, tmp_path: Path) -> None:
        path, lock = tmp_path / "chat.sock", tmp_path / "chat.sock.lock"
        with RunningChat("--listen", f"unix:{path}") as chat:
            soon(lock.is_symlink, chat)
            chat.kill()
            lock.unlink()
            lock.symlink_to(str(os.getpid()))
            chat.start()
            soon(lambda: lock.readlink() == Path(str(chat.pid)), chat)
            assert chat.terminate() == 0
        assert not path.exists()


class TestDying:
    def test_a_worker_that_dies_is_started_again(self, crew: Crew) -> None:
        before = crew.workers()
        os.kill(before[0], signal.SIGKILL)
        soon(lambda: len(crew.ready()) == 3, crew)

        assert len(crew.workers()) == 2
        assert before[1] in crew.workers()
        assert crew.has_told(f"(process {before[0]}) ended: signal 9")
        assert crew.terminate() == 0

    def test_workers_end_by_themselves_when_their_parent_was_killed(self, crew: Crew) -> None:
        workers = crew.workers()
        os.kill(crew.pid, signal.SIGKILL)
        try:
            soon(lambda: all(gone(pid) for pid in workers), crew, 12)
        finally:
            for pid in workers:
                if not gone(pid):
                    os.kill(pid, signal.SIGKILL)

    def test_one_that_hangs_does_not_keep_the_others_from_ending(self, crew: Crew) -> None:
        """The exit code tells that somebody had to be killed."""
        os.kill(crew.workers()[0], signal.SIGSTOP)
        began_s = time.monotonic()

        assert crew.terminate() == 1
        assert time.monotonic() - began_s < 10.5
        assert crew.has_told("does not end: it is killed")

    def test_workers_that_never_get_ready_end_the_parent_with_the_reason(self, tmp_path: Path) -> None:
        (tmp_path / "worker_settings.py").write_text(
            "import os\nfrom tests.settings import *\nif 'CHAT_WORKER' in os.environ: CHAT_CONNECTIONS = 0\n"
        )
        environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "DJANGO_SETTINGS_MODULE": "worker_settings"}
        ended = subprocess.run(
            [sys.executable, "manage.py", "runchat", "--workers", "2", "--listen", "tcp:0"],
            cwd=ROOT,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

        assert ended.returncode == 1
        assert "CHAT_CONNECTIONS" in ended.stderr
        assert "No worker gets ready" in ended.stderr
        assert "Traceback" not in ended.stderr


class Hammer:
    """Asks again and again, each time on a new connection, and keeps what went wrong."""

    def __init__(self, chat: RunningChat) -> None:
        self.asked = 0
        self.wrong: list[str] = []
        self._chat = chat
        self._enough = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _one in range(4)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._enough.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._enough.is_set():
            self.asked += 1
            try:
                status = Api(self._chat.port).call("GET", "/healthz").status
            except (OSError, HTTPException) as error:
                self.wrong.append(repr(error))
            else:
                if status != 200:
                    self.wrong.append(str(status))


class TestReplacing:
    def test_hup_replaces_all_one_by_one_and_refuses_no_connection(self, crew: Crew) -> None:
        before = set(crew.workers())
        with sockets_of(crew, 8) as sockets:
            with Hammer(crew) as hammer:
                soon(lambda: hammer.asked > 50, crew)
                crew.tell(signal.SIGHUP)
                soon(lambda: len(crew.ready()) == 4 and len(crew.workers()) == 2, crew)
                asked = hammer.asked
                soon(lambda: hammer.asked > asked + 50, crew)

            assert hammer.wrong == []
            assert not before & set(crew.workers())
            for one in sockets:
                with pytest.raises(Closed) as closed:
                    one.receive_type("nothing")
                assert closed.value.code == 1012
        assert crew.terminate() == 0

    def test_where_the_new_one_does_not_get_ready_the_old_ones_stay(self, tmp_path: Path) -> None:
        flag = tmp_path / "broken"
        (tmp_path / "breaking_settings.py").write_text(
            "from pathlib import Path\nfrom tests.settings import *\n"
            f"if Path({str(flag)!r}).exists(): raise SystemExit(3)\n"
        )
        environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "DJANGO_SETTINGS_MODULE": "breaking_settings"}
        with Crew(2, **environment) as chat:
            soon(lambda: len(chat.ready()) == 2, chat)
            before = sorted(chat.workers())
            flag.touch()
            chat.tell(signal.SIGHUP)
            soon(lambda: chat.has_told("those who serve stay"), chat)

            assert sorted(chat.workers()) == before
            assert Api(chat.port).call("GET", "/healthz").status == 200
            assert chat.terminate() == 0


def test_tls_is_spoken_by_the_workers(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-keyout", str(key), "-out", str(certificate)],
        capture_output=True,
        check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    with Crew(2, "--listen", f"ssl:0:interface=127.0.0.1:privateKey={key}:certKey={certificate}") as chat:
        soon(lambda: chat.has_told("https://"), chat)
        port = next(int(m[1]) for line in chat.log if (m := re.search(r"https://[0-9.]+:(\d+)/", line)))
        context = ssl.create_default_context(cafile=str(certificate))
        context.check_hostname = False
        with (
            closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as plain,
            context.wrap_socket(plain) as client,
        ):
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(100).startswith(b"HTTP/1.1 200")
        assert chat.terminate() == 0
