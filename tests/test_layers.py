"""Layers inside packages that are not ours, which import-linter cannot see."""

from __future__ import annotations

import ast
from pathlib import Path

REALTIME = Path(__file__).parent.parent / "realtime"
# A database call on the reactor thread stops everybody: what makes one, or leaves that thread, has one home.
# Commands run before the reactor does; files are carried and pictures made in threads of their own.
DATABASE_AND_THREADS = ("django.db", "psycopg2", "twisted.internet.threads")
HOMES = ("database", "deadline", "direct", "files", "management")


def imported(source: str) -> set[str]:
    """Return the dotted names that a module imports when it runs, wherever in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def reached(source: str) -> list[str]:
    """Return what of databases and threads a module imports."""
    return sorted(
        name
        for name in imported(source)
        if f"{name}.".startswith(tuple(f"{own}." for own in DATABASE_AND_THREADS))
    )


def test_databases_and_threads_are_reached_from_one_module() -> None:
    found = {
        path.relative_to(REALTIME).as_posix(): names
        for path in REALTIME.rglob("*.py")
        if path.relative_to(REALTIME).with_suffix("").parts[0] not in HOMES
        and (names := reached(path.read_text(encoding="utf-8")))
    }
    assert found == {}


def test_each_way_to_import_is_seen() -> None:
    assert reached("import django.db.models") == ["django.db.models"]
    assert reached("from django import db") == ["django.db"]
    assert reached("def f():\n    from twisted.internet.threads import deferToThreadPool") == [
        "twisted.internet.threads.deferToThreadPool",
    ]
    assert reached("from django.dispatch import Signal; import django") == []


def test_what_the_rooms_bring_takes_no_name_of_the_site_that_they_are_in() -> None:
    """A `404.html` or `base.html` of an app would stand before one of another app of the site."""
    rooms = REALTIME.parent / "rooms"
    for folder, own in (("templates", ("rooms", "admin/rooms")), ("static", ("rooms",))):
        files = [path for path in (rooms / folder).rglob("*") if path.is_file()]
        names = [path.relative_to(rooms / folder).as_posix() for path in files]
        assert names
        assert [name for name in names if not name.startswith(tuple(f"{one}/" for one in own))] == []
