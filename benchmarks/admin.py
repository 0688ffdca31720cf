"""`python -m benchmarks.admin`: the admin's pages and the search, on a log of any length.

Fills two databases, one a hundredth of the other, in a PostgreSQL given or started for it, and times each page
in both, by turns: the fastest of several, whole, as Django answers it in this process, after a first time.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg2

from benchmarks.database import WORDS
from benchmarks.report import PAGE
from tests import postgresql

BEGIN, END = "<!-- admin: written by `python -m benchmarks.admin --write` -->", "<!-- /admin -->"
SMALLER = 100
STEP_ROWS = 250_000
DAYS = 3 * 365
FIRST_DAY = date(2023, 1, 1)
ROOMS, PEOPLE = 200, 1_000
GOAL_MS, GOAL_RATIO = 300, 1.5
"""What a page may take at ten million messages, in milliseconds and beside the smaller log."""

SEED = f"""
INSERT INTO auth_user (username, password, first_name, last_name, email, is_superuser, is_staff, is_active, date_joined)
SELECT 'u' || n, '', '', '', '', n = 1, n = 1, true, now() FROM generate_series(1, {PEOPLE}) AS n;
INSERT INTO rooms_chatroom (slug, name, topic, visibility, open_to_guests, read_only, slow_mode_s, created_at,
                            last_message_id, access_version)
SELECT 'r' || n, 'Room ' || n, '', CASE WHEN n % 10 = 0 THEN 'private' ELSE 'public' END, false, false, 0, now(), 0, 0
FROM generate_series(1, {ROOMS}) AS n;
"""
FILL = f"""
INSERT INTO rooms_message (id, room_id, kind, author_id, body, nonce, target, redacted, changed, created_at)
SELECT i, first_room + i * 7919 %% {ROOMS}, kind, first_user + i * 104729 %% {PEOPLE},
       CASE WHEN redacted THEN '' WHEN kind = 'redaction' THEN 'spam'
            ELSE format('the w%%s w%%s w%%s of w%%s and w%%s%%s%%s%%s', i * 31 %% 20011, i * 37 %% 9973, i * 41 %% 997,
                        i * 43 %% 20021, i * 47 %% 7919, CASE WHEN i %% 10 = 0 THEN ' tenth' ELSE '' END,
                        CASE WHEN i <= %(rows)s / 10 THEN ' oldest' ELSE '' END,
                        CASE WHEN i %% (%(rows)s / 10) = 4 THEN ' ten' ELSE '' END) END,
       i::text, CASE kind WHEN 'edit' THEN i - 1 WHEN 'redaction' THEN i - 2 WHEN 'reaction' THEN i - 3 END, redacted,
       CASE WHEN redacted THEN i + 2 END, %(begin)s + i * (%(span)s / %(rows)s)
FROM (
    SELECT i, CASE WHEN i %% 50 = 7 THEN 'edit' WHEN i %% 100 = 13 THEN 'redaction' WHEN i %% 50 = 31 THEN 'reaction'
                   WHEN i %% 200 = 199 THEN 'notice' ELSE 'message' END AS kind, i %% 100 = 11 AS redacted,
           (SELECT id FROM rooms_chatroom WHERE slug = 'r1') AS first_room,
           (SELECT id FROM auth_user WHERE username = 'u1') AS first_user
    FROM generate_series(%(first)s::bigint, %(last)s) AS i
) AS one
"""
INDEXES = """
SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
WHERE indrelid IN ('rooms_message'::regclass, 'rooms_words'::regclass) AND NOT indisunique
"""
AFTER = """
UPDATE rooms_chatroom r SET last_message_id = coalesce((SELECT max(id) FROM rooms_message m WHERE m.room_id = r.id), 0);
SELECT setval('rooms_message_id_seq', (SELECT max(id) FROM rooms_message));
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """One thing that is timed: what it is called, and how to ask for it of a log of so many rows."""

    name: str
    ask: Callable[[Any, int], object]


def page(name: str, **parameters: str) -> Asked:
    """Return a page of the list of messages; `{middle}` in a parameter is the id in the middle of the log."""

    def ask(client: Any, rows: int) -> object:
        placed = {key: value.format(middle=rows // 2) for key, value in parameters.items()}
        return shown(client, "/admin/rooms/message/", placed)

    return Asked(f"list: {name}", ask)


def shown(client: Any, path: str, parameters: dict[str, str]) -> object:
    """Return a page, having looked that it is one."""
    response = client.get(path, parameters)
    assert response.status_code == HTTPStatus.OK, (path, parameters, response)
    return response


def found(name: str, text: str, **options: Any) -> Asked:
    """Return a search, as `GET /api/search` and the search page make it for somebody who is not of the staff."""

    def ask(_client: Any, _rows: int) -> object:
        from django.contrib.auth.models import User

        from rooms import search

        answer = search.find(User.objects.get(username="u2").pk, text, **options)
        assert isinstance(answer, search.Found), answer
        return answer

    return Asked(f"search: {name}", ask)


TERMS = {
    "absent": "0 hits",
    "ten": "10 hits",
    "tenth": "a tenth of all",
    "oldest": "the oldest tenth",
}


def pages() -> list[Asked]:
    """Return all that is timed."""
    days = [(FIRST_DAY + timedelta(days=number)).isoformat() for number in (0, DAYS // 2, DAYS - 1)]
    first, middle, last = ({"sent_from": day, "sent_to": day} for day in days)
    narrow = {"room": "r11", "author": "u511"}  # who writes there a thousandth of all
    return [
        page("first page"),
        page("middle page", older="{middle}"),
        page("last page", newer="0"),
        page("first day", **first),
        page("middle day", **middle),
        page("last day", **last),
        page("up to the middle", sent_to=days[1]),
        page("one year", sent_from="2024-01-01", sent_to="2024-12-31"),
        page("a room", room="r7"),
        page("an author", author="u9"),
        page("room and author", **narrow),
        page("room and a day", room="r7", **middle),
        *(page(f"kind: {kind}", kind=kind) for kind in ("message", "edit", "redaction", "notice")),
        *(page(f"word, {told}", q=term) for term, told in TERMS.items()),
        *(page(f"word, {told}, oldest first", q=term, newer="0") for term, told in TERMS.items()),
        *(page(f"word, {told}, in a room by an author", q=term, **narrow) for term, told in TERMS.items()),
        *(
            page(f"word, {told}, in one month", q=term, sent_from="2024-06-01", sent_to="2024-06-30")
            for term, told in TERMS.items()
        ),
        page("a phrase", q='"of w5"'),
        Asked(
            "a message", lambda client, rows: shown(client, f"/admin/rooms/message/{rows // 2}/change/", {})
        ),
        *(found(f"word, {told}", term) for term, told in TERMS.items()),
        found("a tenth of all, in a room", "tenth", room="r11"),
        found("a tenth of all, in a room where none of them is", "tenth", room="r7"),
        found("a frequent word and a rare one", "the ten"),
    ]


def fill(url: str, rows: int) -> None:
    """Put so many messages into a migrated database, their indexes made once they are there."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("SET maintenance_work_mem = '1GB'")
        cursor.execute(SEED)
        cursor.execute(INDEXES)
        indexes = cursor.fetchall()
        for name, _made in indexes:
            cursor.execute(f"DROP INDEX {name}")
        cursor.execute("ALTER TABLE rooms_message DISABLE TRIGGER rooms_words_said")
        begin = datetime(FIRST_DAY.year, 1, 1, tzinfo=UTC)
        for first in range(1, rows + 1, STEP_ROWS):
            last = min(first + STEP_ROWS - 1, rows)
            span = {"rows": rows, "begin": begin, "span": timedelta(days=DAYS)}
            cursor.execute(FILL, {"first": first, "last": last, **span})
            show(f"{last:,} of {rows:,} messages", over=last == rows)
        cursor.execute("ALTER TABLE rooms_message ENABLE TRIGGER rooms_words_said")
        cursor.execute(WORDS)
        for number, (name, made) in enumerate(indexes, 1):
            show(f"index {number} of {len(indexes)}: {name}{' ' * 30}", over=number == len(indexes))
            cursor.execute(made)
        cursor.execute(AFTER)
        cursor.execute("VACUUM ANALYZE")


def show(text: str, *, over: bool) -> None:
    """Show how far it is."""
    print(f"\r{text}", end="\n" if over else "", file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Log:
    """A database with so many messages, and an administrator who is logged in there."""

    database: str
    rows: int
    client: Any

    def here(self) -> None:
        """Let Django speak to this one from now on."""
        from django.db import connection

        connection.close()
        connection.settings_dict["NAME"] = self.database
        connection.ensure_connection()


def timed(small: Log, large: Log, times: int) -> dict[str, tuple[float, float]]:
    """Return how many milliseconds each page takes in the one and in the other."""
    asked = pages()
    took: dict[str, tuple[float, float]] = {}
    for number, one in enumerate(asked, 1):
        show(f"page {number} of {len(asked)}: {one.name}{' ' * 40}", over=number == len(asked))
        took[one.name] = (_fastest(one, small, times), _fastest(one, large, times))
    return took


def _fastest(one: Asked, log: Log, times: int) -> float:
    log.here()
    one.ask(log.client, log.rows)
    return min(_ms(one, log.client, log.rows) for _ in range(times))


def _ms(one: Asked, client: Any, rows: int) -> float:
    begun = time.perf_counter()
    one.ask(client, rows)
    return (time.perf_counter() - begun) * 1_000


def table(rows: int, figures: dict[str, tuple[float, float]]) -> str:
    """Return the figures as a table, and what of them is beyond the goal."""
    lines = [
        f"| page | {rows // SMALLER:,} messages, ms | {rows:,} messages, ms | ratio |",
        "| --- | ---: | ---: | ---: |",
    ]
    beyond = []
    for name, (small, large) in figures.items():
        lines.append(f"| {name} | {small:.1f} | {large:.1f} | {large / small:.2f} |")
        if large > GOAL_MS or large / small > GOAL_RATIO:
            beyond.append(name)
    goal = f"Goal: {GOAL_MS} ms, and at most {GOAL_RATIO} times the smaller log's."
    told = f"Beyond it: {'; '.join(beyond)}." if beyond else "All within it."
    return "\n".join([*lines, "", f"{goal} {told}"])


def write(text: str, path: Path = PAGE) -> None:
    """Put the table in its place in docs/performance.md; the rest of the page stays."""
    before, _begin, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _old, _end, after = rest.partition(END)
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.admin", description=__doc__)
    parser.add_argument(
        "--rows", type=int, default=10_000_000, help="messages in the larger log (default: %(default)s)"
    )
    parser.add_argument(
        "--times", type=int, default=15, help="how often each page is timed (default: %(default)s)"
    )
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    parser.add_argument(
        "--database", default=os.environ.get("BENCH_DATABASE_URL"), metavar="URL",
        help="a PostgreSQL that may make databases (default: BENCH_DATABASE_URL, or one started for this); "
        "ten million messages take 8 GB, which are given back",
    )  # fmt: skip
    return parser.parse_args(arguments)


def made(server: postgresql.Server, database: str, rows: int) -> Log:
    """Migrate and fill a new database."""
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client

    log = Log(database, rows, Client())
    log.here()
    call_command("migrate", verbosity=0)
    fill(server.url(database), rows)
    log.client.force_login(User.objects.get(username="u1"))
    return log


def measured(server: postgresql.Server, rows: int, times: int) -> dict[str, tuple[float, float]]:
    """Make both databases, time the pages, and remove them."""
    from django.db import connection

    names = [postgresql.unique_name() for _ in range(2)]
    try:
        for name in names:
            postgresql.create(server, name)
        small, large = (
            made(server, name, count) for name, count in zip(names, (rows // SMALLER, rows), strict=True)
        )
        return timed(small, large, times)
    finally:
        connection.close()
        for name in names:
            postgresql.drop(server, name)


def main(arguments: Sequence[str]) -> None:
    """Measure, print the table, write it if asked to."""
    options = parsed(arguments)
    server = postgresql.find({"TEST_DATABASE_URL": options.database} if options.database else {}, port=0)
    with TemporaryDirectory(prefix="chat-bench-") as home:
        os.environ |= {
            "DATABASE_URL": server.url(), "CHAT_DATA_DIR": home, "SECRET_KEY": "of a benchmark",
            "ALLOWED_HOSTS": "testserver", "DJANGO_SETTINGS_MODULE": "project.settings", "DEBUG": "false",
        }  # fmt: skip
        import django

        django.setup()
        try:
            figures = measured(server, options.rows, options.times)
        finally:
            server.close()
    told = table(options.rows, figures)
    print(told)
    if options.write:
        write(f"Command: `python -m benchmarks.admin {' '.join(arguments)}`.\n\n{told}")


if __name__ == "__main__":
    main(sys.argv[1:])
