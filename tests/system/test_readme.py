"""The README's commands, run as they stand there by somebody who has just cloned the project."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import pytest

from tests.system.server import ROOT, free_port

README = (ROOT / "README.md").read_text(encoding="utf-8")
INSTALL_S = 600
ANSWER_S = 60


def blocks(heading: str) -> list[str]:
    """Return the indented blocks of commands under a heading."""
    section = README.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    indented = re.findall(r"(?:^    .*\n)+", section, re.MULTILINE)
    return [re.sub("^    ", "", block, flags=re.MULTILINE) for block in indented]


@pytest.fixture(name="clone", scope="module")
def fresh_clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that holds what a clone holds: no virtual environment, no data."""
    folder = tmp_path_factory.mktemp("clone")
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, cwd=ROOT, capture_output=True, check=True).stdout.decode().split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    return folder


def strangers_environment() -> dict[str, str]:
    """Return the environment without what this test run told of itself."""
    ours = ("CHAT_", "DATABASE_URL", "SECRET_KEY", "DJANGO_", "VIRTUAL_ENV", "MAKE", "MFLAGS")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


def at_port(command: str, port: int) -> str:
    """Return a command with our port in place of the README's: somebody may use that one here."""
    listening = f"tcp:{port}:interface=127.0.0.1"
    command = command.replace("make run", f"make run LISTEN={listening}")
    return command.replace("manage.py runchat", f"manage.py runchat --listen {listening}").replace(
        "8000", str(port)
    )


@contextmanager
def served(command: str, folder: Path, until: str) -> Iterator[list[str]]:
    """Run a command that serves until it is told to stop; yield what it says up to a line."""
    with subprocess.Popen(
        ["bash", "-euc", command],
        cwd=folder,
        env=strangers_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        said: list[str] = []
        try:
            for line in process.stdout:
                said.append(line)
                if until in line:
                    break
            else:
                pytest.fail("".join(said))
            yield said
            os.killpg(process.pid, signal.SIGTERM)
            rest = process.stdout.read()
            assert process.wait(ANSWER_S) in {0, 128 + signal.SIGTERM, -signal.SIGTERM}, rest
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def run(command: str, folder: Path, expected: tuple[int, ...] = (0,)) -> str:
    """Run commands in a shell, as somebody types them, and return what they print."""
    done = subprocess.run(
        ["bash", "-euc", command],
        cwd=folder,
        env=strangers_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=INSTALL_S,
    )
    assert done.returncode in expected, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def become_first_administrator(link: str, name: str, password: str) -> None:
    """Open the one-time link and fill in its form."""
    browser = build_opener(HTTPCookieProcessor(CookieJar()))
    page = browser.open(link, timeout=ANSWER_S).read().decode()
    [token] = set(re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page))
    fields = {"csrfmiddlewaretoken": token, "username": name, "password1": password, "password2": password}
    assert browser.open(link, urlencode(fields).encode(), timeout=ANSWER_S).status == 200


def test_two_commands_and_curl(clone: Path) -> None:
    """`make run` on a fresh clone, the first administrator, a token, and each call with curl."""
    [running], [testing], *_without = ([block] for block in blocks("Run it"))
    port = free_port()
    with served(at_port(running, port), clone, "/first-admin/") as said:
        [link] = re.findall(r"http://\S+/first-admin/\S+/", "".join(said))
        become_first_administrator(link, "ana", "a long passphrase")
        make_token, calls = blocks("Talk to it with curl")
        *asking, streaming = at_port(calls, port).splitlines()
        asked = run("\n".join([make_token, *asking[:2], asking[2].replace("after=1", "after=0")]), clone)
        assert asked.count('"body":"hello"') == 3, asked
        timed_out = 28
        streamed = run(f"{make_token}\n{streaming} --max-time 3", clone, (timed_out,))
        assert "event: hello" in streamed
        assert '"body":"hello"' in streamed
    assert "pytest" in run(f"make --dry-run {testing.split()[1]}", clone)


def test_without_make(clone: Path) -> None:
    """The same by pip and manage.py."""
    *preparing, serving = blocks("Run it")[2].strip().splitlines()
    run("\n".join(preparing), clone)
    port = free_port()
    with served(at_port(serving, port), clone, "The chat is at ") as said:
        assert str(port) in said[-1]
