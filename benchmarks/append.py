"""`python -m benchmarks.append OTHER`: what an append costs here and in another tree of this project, by turns.

Both trees append to one new database (PostgreSQL with its promises kept, or `--sqlite`), each in a process of
its own, one after the other in every round. Told are medians, and ratios of the same round: of the time that
passes, and of the processor time of the thread that appends, which other work on the machine does not lengthen.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).resolve().parent.parent
CASES = ((1, 1), (16, 10), (200, 10), (64, 64), (200, 64))
"""Drafts an append, and rooms that they go to."""
DRAFTS_A_TURN = 400
PEOPLE = 100


def seed() -> None:
    """Make the people and the rooms of a new database."""
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from rooms.models import ChatRoom

    call_command("migrate", verbosity=0, interactive=False)
    User.objects.bulk_create([User(username=f"u{n}") for n in range(PEOPLE)])
    ChatRoom._base_manager.bulk_create([ChatRoom(slug=f"r{n}", name=f"Room {n}") for n in range(64)])


def work() -> None:
    """Answer each line `drafts rooms` with the milliseconds of an append, passed and of the processor."""
    import django

    django.setup()
    from django.contrib.auth.models import User

    from rooms import log
    from rooms.messages import Draft, Kind, Lock, new_nonce

    try:
        from rooms.remembered import Remembered
    except ImportError:  # an older tree
        memory: dict[str, Any] = {}
    else:
        memory = {"remembered": Remembered()}
    people = list(User.objects.order_by("pk").values_list("pk", flat=True)[:PEOPLE])
    at = 0
    for line in sys.stdin:
        size, rooms = map(int, line.split())
        batches = []
        for _turn in range(max(3, min(60, DRAFTS_A_TURN // size))):
            batches.append(
                [
                    Draft(f"r{n % rooms}", Kind.MESSAGE, people[n % PEOPLE], new_nonce(), "What people say.")
                    for n in range(at, at + size)
                ]
            )
            at += size
        passed, busy = time.perf_counter(), time.thread_time()
        for drafts in batches:
            log.append(drafts, lock=Lock.SKIP, **memory)
        passed, busy = time.perf_counter() - passed, time.thread_time() - busy
        print(json.dumps([1e3 * passed / len(batches), 1e3 * busy / len(batches)]), flush=True)


class Tree:
    """A process that appends with the code of one tree."""

    def __init__(self, tree: Path, environment: dict[str, str]) -> None:
        """Start it."""
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--work"],
            cwd=tree,
            env={**environment, "PYTHONPATH": str(tree)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, case: tuple[int, int]) -> tuple[float, float]:
        """Return the milliseconds of an append, passed and of the processor."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(*case, file=self._process.stdin, flush=True)
        passed, busy = json.loads(self._process.stdout.readline())
        return passed, busy

    def close(self) -> None:
        """End it."""
        self._process.communicate()


def compare(other: Path, environment: dict[str, str], rounds: int) -> None:
    """Print what an append takes there and here."""
    with ExitStack() as trees:
        pair = [Tree(tree, environment) for tree in (other, HERE)]
        for tree in pair:
            trees.callback(tree.close)
        for case in CASES:
            told = []
            for turn in range(rounds + 1):
                asked = [(tree, tree.ask(case)) for tree in (pair if turn % 2 else pair[::-1])]
                told.append([next(taken for one, taken in asked if one is tree) for tree in pair])
            for at, what in enumerate(("passed", "processor")):
                found = [(there[at], here[at]) for there, here in told[1:]]
                ratios = sorted(here / there for there, here in found)
                print(
                    f"{case[0]:4} drafts, {case[1]:2} rooms, {what:9}:"
                    f" {median(there for there, _ in found):6.2f} ms there,"
                    f" {median(here for _, here in found):6.2f} here,"
                    f" {median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f})",
                    flush=True,
                )


def main() -> None:
    """Make a database, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("other", type=Path, help="another tree of this project: what is compared with")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--sqlite", action="store_true")
    given = parser.parse_args()
    from tests import postgresql

    with TemporaryDirectory(prefix="chat-append-") as home:
        environment = {
            **os.environ,
            "CHAT_DATA_DIR": home,
            "SECRET_KEY": "of a benchmark",
            "DJANGO_SETTINGS_MODULE": "project.settings",
        }
        environment.pop("DATABASE_URL", None)
        with ExitStack() as stack:
            if not given.sqlite:
                server = postgresql.find(os.environ)
                stack.callback(server.close)
                name = postgresql.unique_name()
                postgresql.create(server, name)
                stack.callback(postgresql.drop, server, name)
                environment["DATABASE_URL"] = server.url(name)
            made = "import django; django.setup(); from benchmarks.append import seed; seed()"
            subprocess.run([sys.executable, "-c", made], cwd=HERE, env=environment, check=True)
            compare(given.other.resolve(), environment, given.rounds)


if __name__ == "__main__":
    work() if sys.argv[1:] == ["--work"] else main()
