"""`manage.py runchat`: what it tells when it starts, refuses, and stops."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path

import psycopg2
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError
from django.test import override_settings

from realtime import reload
from realtime.listening import url
from realtime.management.commands import runchat
from tests.postgresql import unique_name
from tests.support_rooms import person

ROOT = Path(__file__).resolve().parent.parent
WAIT_S = 60


def command(*arguments: str) -> list[str]:
    return [sys.executable, "manage.py", "runchat", *arguments]


def refused(*arguments: str, **environment: str) -> str:
    """Run the command, which must refuse, and return what it told."""
    ended = subprocess.run(
        command(*arguments),
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=WAIT_S,
        check=False,
    )
    assert ended.returncode != 0, ended
    assert "Traceback" not in ended.stderr, ended.stderr
    return ended.stderr


class Running:
    """A server that was started by the command."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.told: list[str] = []

    def line(self, having: str) -> str:
        """Return the next line that has something in it."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.told.append(line)
            if having in line:
                return line
        raise AssertionError(f"{having!r} is not in {self.told}")

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(WAIT_S)


@contextmanager
def running(arguments: Sequence[str] = (), **environment: str) -> Iterator[Running]:
    process = subprocess.Popen(
        command("--listen", "tcp:0:interface=127.0.0.1", *arguments),
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    with process:
        try:
            yield Running(process)
        finally:
            process.kill()


def address(line: str) -> tuple[str, int]:
    found = re.search(r"http://([0-9.]+):([0-9]+)/", line)
    assert found, line
    return found[1], int(found[2])


def status(host: str, port: int, path: str) -> int:
    connection = HTTPConnection(host, port, timeout=WAIT_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.database
class TestServing:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_it_tells_its_address_serves_and_stops_well(self, number: signal.Signals) -> None:
        with running() as chat:
            host, port = address(chat.line("The chat is at"))
            assert status(host, port, "/healthz") == 200
            assert status(host, port, "/accounts/login/") == 200
            # Somebody who does not go by themselves.
            with socket.create_connection((host, port)) as idle:
                idle.sendall(b"GET /api/rooms/lobby/messages?after=0 HT")
                assert chat.stop(number) == 0

    def test_a_second_signal_changes_nothing(self) -> None:
        """Somebody impatient, or a process manager that tells the group and the process."""
        with running() as chat:
            chat.line("The chat is at")
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
                chat.process.send_signal(number)
            assert chat.stop() == 0
            assert "Traceback" not in "".join(chat.process.stdout or [])

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_also_one_that_comes_when_all_but_the_process_has_ended(self, number: signal.Signals) -> None:
        with running() as chat:
            chat.line("The chat is at")
            while True:
                chat.process.send_signal(number)
                with suppress(subprocess.TimeoutExpired):
                    assert chat.process.wait(0.01) == 0
                    break
            assert "Traceback" not in "".join(chat.process.stdout or [])

    def test_without_a_superuser_a_link_is_told_that_works(self) -> None:
        with running() as chat:
            found = re.search(r"http://([0-9.]+):([0-9]+)(/first-admin/\S+)", chat.line("/first-admin/"))
            assert found
            assert status(found[1], int(found[2]), found[3]) == 200
            chat.stop()
            assert chat.process.stdout is not None
            rest = chat.process.stdout.read()
            assert found[3] not in rest, "the link is in the access log"

    def test_with_one_it_is_not(self) -> None:
        User.objects.create_superuser("root", password="a long passphrase")
        with running() as chat:
            chat.line("The chat is at")
            chat.stop()
            assert "first-admin" not in "".join([*chat.told, *(chat.process.stdout or [])])

    def test_a_foreign_host_is_told_of_with_the_setting(self) -> None:
        with running() as chat:
            host, port = address(chat.line("The chat is at"))
            connection = HTTPConnection(host, port, timeout=WAIT_S)
            for path in ("/api/rooms", "/"):
                connection.request("GET", path, headers={"Host": "evil.example"})
                answer = connection.getresponse()
                answer.read()
                assert answer.status == 400
                assert "ALLOWED_HOSTS" in chat.line("evil.example")
            connection.close()
            chat.stop()


HANGING = """
import threading
from tests.settings import *

MIDDLEWARE = ["hang_settings.Hang", *MIDDLEWARE]


class Hang:
    def __init__(self, get_response):
        pass

    def __call__(self, request):
        print("hanging", flush=True)
        threading.Event().wait()
"""


@pytest.mark.database
def test_a_page_that_hangs_does_not_keep_the_server_from_stopping(tmp_path: Path) -> None:
    (tmp_path / "hang_settings.py").write_text(HANGING)
    environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "DJANGO_SETTINGS_MODULE": "hang_settings"}
    with running(**environment) as chat:
        host, port = address(chat.line("The chat is at"))
        with socket.create_connection((host, port)) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            chat.line("hanging")
            chat.process.send_signal(signal.SIGTERM)
            assert chat.process.wait(10) == 0
        assert "left behind: pages" in chat.line("left behind")


@pytest.mark.database
class TestRefusing:
    def test_a_port_in_use(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            told = refused("--listen", f"tcp:{port}:interface=127.0.0.1")

        assert f"tcp:{port}" in told
        assert "in use" in told
        assert told.count("\n") == 1

    def test_a_unix_socket_that_another_server_listens_on(self, tmp_path: Path) -> None:
        endpoint = f"unix:{tmp_path / 'chat.sock'}"
        with running(("--listen", endpoint)) as chat:
            chat.line("chat.sock")
            told = refused("--listen", endpoint)
            chat.stop()

        assert f"Cannot listen on {endpoint}: another process listens there" in told
        assert told.count("\n") == 1

    def test_a_start_that_is_refused_leaves_the_link_of_the_server_that_runs(self) -> None:
        with running() as chat:
            found = re.search(r"http://([0-9.]+):([0-9]+)(/first-admin/\S+)", chat.line("/first-admin/"))
            assert found
            refused("--listen", f"tcp:{found[2]}:interface=127.0.0.1")
            assert status(found[1], int(found[2]), found[3]) == 200

    @pytest.mark.parametrize("endpoint", ["nonsense", "tcp:", "tcp:port", "tcp:0:colour=red", "tcp:99999"])
    def test_an_endpoint_that_cannot_be_understood(self, endpoint: str) -> None:
        """The line shows what was written, without anything that we would add to it."""
        told = refused("--listen", endpoint)

        assert f"{endpoint}' is no endpoint" in told or f"Cannot listen on {endpoint}:" in told
        assert told.count("\n") == 1

    def test_several_workers_on_sqlite(self) -> None:
        told = refused("--workers", "2")

        assert "PostgreSQL" in told
        assert told.count("\n") == 1

    @pytest.mark.parametrize("count", ["0", "-1", "65"])
    def test_a_number_of_workers_that_is_none(self, count: str) -> None:
        told = refused("--workers", count)

        assert "--workers" in told
        assert told.count("\n") == 1

    def test_workers_that_reload(self) -> None:
        assert "--reload" in refused("--reload", "--workers", "2")

    def test_a_setting_out_of_its_bounds(self, tmp_path: Path) -> None:
        told = refused(DJANGO_SETTINGS_MODULE="tests.settings_bad_config")

        assert "CHAT_CONNECTIONS" in told


def test_migrations_that_are_not_applied_are_told_with_what_to_do(tmp_path: Path) -> None:
    told = refused(CHAT_DATA_DIR=str(tmp_path), DATABASE_URL="")

    assert "manage.py migrate" in told
    assert told.count("\n") == 1


@pytest.mark.postgresql
def test_a_database_that_does_not_hold_every_text_is_told() -> None:
    server, _slash, _name = os.environ["DATABASE_URL"].rpartition("/")
    name = unique_name()
    with closing(psycopg2.connect(f"{server}/postgres")) as administrator:
        administrator.autocommit = True
        cursor = administrator.cursor()
        cursor.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
        try:
            told = refused(DATABASE_URL=f"{server}/{name}")
        finally:
            cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")

    assert "The database is encoded in LATIN1" in told
    assert told.count("\n") == 1


def test_a_database_that_does_not_answer_is_told(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    told = refused(DATABASE_URL=f"postgres://nobody@127.0.0.1:{port}/nothing")

    assert "database does not answer" in told
    assert told.count("\n") == 1


ASKS_FOR_THE_LINK = """
from time import monotonic
import django
django.setup()
from realtime.management.commands.runchat import LINK_S, first_admin_link
began_s = monotonic()
print(first_admin_link(), monotonic() - began_s < LINK_S + 2)
"""


def test_a_parent_does_not_wait_for_a_database_that_says_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"postgresql://nobody@127.0.0.1:{mute.getsockname()[1]}/nothing"
        ended = subprocess.run(
            [sys.executable, "-c", ASKS_FOR_THE_LINK],
            env={**os.environ, "DATABASE_URL": url, "CHAT_DATA_DIR": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
    assert (ended.returncode, ended.stdout) == (0, "None True\n"), ended.stderr
    assert "manage.py firstadmin" in ended.stderr


@pytest.mark.parametrize(
    ("description", "host", "port", "told"),
    [
        ("tcp:8000", "0.0.0.0", 8000, "http://127.0.0.1:8000/"),  # noqa: S104 (what is shown for it)
        ("tcp:8000:interface=127.0.0.1", "127.0.0.1", 8000, "http://127.0.0.1:8000/"),
        ("tcp6:8000", "::", 8000, "http://[::1]:8000/"),
        ("ssl:8443", "192.0.2.1", 8443, "https://192.0.2.1:8443/"),
        ("unix:/run/chat", None, None, "unix:/run/chat"),
    ],
)
def test_the_address_told_is_one_for_a_browser(
    description: str, host: str | None, port: int | None, told: str
) -> None:
    class Address:
        pass

    at = Address()
    at.host, at.port = host, port  # type: ignore[attr-defined]

    assert url(description, at) == told


def no_sleep(_seconds: float) -> None:
    pass


class FakeChild:
    """A process that ends when it is told to, or has ended."""

    def __init__(self, *, code: int | None = None, hangs: bool = False) -> None:
        self.code = code
        self.hangs = hangs
        self.signals: list[int] = []

    def poll(self) -> int | None:
        return self.code

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.hangs = False
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        if self.hangs:
            raise subprocess.TimeoutExpired("", timeout or 0)
        assert self.code is not None
        return self.code

    def send_signal(self, sig: int) -> None:
        self.signals.append(sig)
        if not self.hangs:
            self.code = 0


class TestReloading:
    def test_only_the_sites_own_source_is_watched(self, tmp_path: Path) -> None:
        (tmp_path / "a.py").write_text("a")
        (tmp_path / "b.pyc").write_text("b")

        assert set(reload.times([tmp_path])) == {tmp_path / "a.py"}
        assert reload.site_folders(["/x/site-packages/django", "/home/chat/rooms"]) == [
            Path("/home/chat/rooms")
        ]

    def test_a_changed_file_ends_the_child_and_starts_another(self) -> None:
        children = [FakeChild(), FakeChild()]
        started = iter(children)
        states = [{Path("a"): 1}, {Path("a"): 1}, {Path("a"): 2}, {Path("a"): 2}]
        parent = reload.Parent(
            lambda: next(started), lambda: states.pop(0) if len(states) > 1 else states[0], no_sleep
        )
        parent_sleeps = iter([lambda: None, lambda: parent.stop(signal.SIGTERM)])
        parent._sleep = lambda _s: next(parent_sleeps)()

        assert parent.run() == 0
        assert [child.signals for child in children] == [[signal.SIGTERM], [signal.SIGTERM]]

    def test_one_that_hangs_is_killed(self) -> None:
        child = FakeChild(hangs=True)
        reload.Parent._end(child)

        assert child.signals == [signal.SIGTERM, signal.SIGKILL]

    def test_one_that_broke_is_started_again_only_when_a_file_changes(self) -> None:
        broken, good = FakeChild(code=1), FakeChild(code=0)
        started = iter([broken, good])
        looks = iter([1, 1, 1, 1, 2, 2])
        parent = reload.Parent(lambda: next(started), lambda: {Path("a"): next(looks)}, no_sleep)

        assert parent.run() == 0
        assert list(looks) == []

    @pytest.mark.database
    def test_the_whole_command(self, tmp_path: Path) -> None:
        (tmp_path / "extra").mkdir()
        source = tmp_path / "extra" / "__init__.py"
        source.write_text("")
        (tmp_path / "extra_settings.py").write_text(
            "from tests.settings import *\nINSTALLED_APPS = [*INSTALLED_APPS, 'extra']\n"
        )
        environment = {"PYTHONPATH": f"{tmp_path}:{ROOT}", "DJANGO_SETTINGS_MODULE": "extra_settings"}
        with running(["--reload"], **environment) as chat:
            chat.line("The chat is at")
            source.write_text("CHANGED = True")
            chat.line("A file has changed")
            host, port = address(chat.line("The chat is at"))
            assert status(host, port, "/healthz") == 200
            assert chat.stop() == 0

    def test_the_command_runs_a_parent_and_a_child(self) -> None:
        assert reload.is_child({reload.CHILD: "1"})
        assert not reload.is_child({})


@pytest.mark.database
def test_the_database_check_passes_where_all_is_well() -> None:
    person("ana")
    runchat.check_database()


def wrapped(_environ: object, _start_response: object) -> list[bytes]:
    """Stand for a site's own WSGI application."""
    return []


def test_pages_are_what_the_site_has_around_django() -> None:
    with override_settings(WSGI_APPLICATION=f"{__name__}.wrapped"):
        assert runchat.pages() is wrapped
    with (
        override_settings(WSGI_APPLICATION="nowhere.application"),
        pytest.raises(CommandError, match="nowhere"),
    ):
        runchat.pages()
