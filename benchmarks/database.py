"""Databases for the servers, in a PostgreSQL that keeps its promises, filled as a workload wants them."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit, urlunsplit

import psycopg2
from psycopg2 import sql

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv" / "bin" / "python"
ROOMS = 100
PEOPLE = 5_100
STEP_ROWS = 200_000
TOKEN = "token-of-somebody-in-a-benchmark-%d"  # noqa: S105 (opens a database that is gone after the run)

SEED_OURS = """
INSERT INTO auth_user (password, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined)
SELECT '!', false, 'u' || n, '', '', '', false, true, now() FROM generate_series(0, {people} - 1) n;
INSERT INTO rooms_apitoken (name, digest, created_at, user_id)
SELECT 'benchmark', encode(sha256(convert_to('token-of-somebody-in-a-benchmark-' || substr(username, 2), 'UTF8')), 'hex'), now(), id
FROM auth_user;
INSERT INTO rooms_chatroom (slug, name, topic, visibility, open_to_guests, read_only, slow_mode_s, created_at, last_message_id, access_version)
SELECT 'r' || n, 'Room ' || n, '', 'public', false, false, 0, now(), 0, 0 FROM generate_series(0, {rooms} - 1) n;
"""
SEED_SQLITE = """
import hashlib
from django.contrib.auth.models import User
from rooms import log
from rooms.messages import Draft, Kind
from rooms.models import ApiToken, ChatRoom
people = User.objects.bulk_create([User(username=f"u{{n}}", password="!") for n in range({people})])
digests = [hashlib.sha256(("{token}" % n).encode()).hexdigest() for n in range({people})]
ApiToken.objects.bulk_create([ApiToken(user=u, name="benchmark", digest=d) for u, d in zip(people, digests)])
for n in range({rooms}):
    ChatRoom.objects.create(slug=f"r{{n}}", name=f"Room {{n}}")
said = "What was said long ago, of about the length that people write: "
for first in range(0, {rows}, 500):
    log.append([
        Draft(f"r{{n % {rooms}}}", Kind.MESSAGE, people[n % {people}].pk, f"fill-{{n}}", f"{{said}}{{n}}")
        for n in range(first, min(first + 500, {rows}))
    ])
"""
"""Run by `manage.py shell`."""
SEED_PEERS = """
CREATE TABLE messages (
    id bigserial PRIMARY KEY, room text NOT NULL, author bigint NOT NULL, body text NOT NULL, nonce text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON messages (room, id);
"""
FILL_OURS = """
INSERT INTO rooms_message (kind, body, nonce, redacted, created_at, author_id, room_id)
SELECT 'message', 'What was said long ago, of about the length that people write: ' || n, 'fill-' || n, false,
       now() - interval '30 days' + n * interval '1 ms', people.id, rooms.id
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n
JOIN auth_user people ON people.username = 'u' || n %% {people}
JOIN rooms_chatroom rooms ON rooms.slug = 'r' || n %% {rooms}
ORDER BY n
"""
FILL_PEERS = """
INSERT INTO messages (room, author, body, nonce, created_at)
SELECT 'r' || n %% {rooms}, n %% {people}, 'What was said long ago, of about the length that people write: ' || n,
       'fill-' || n, now() - interval '30 days' + n * interval '1 ms'
FROM generate_series(%(first)s::bigint, %(last)s::bigint) n ORDER BY n
"""
HEADS = """
UPDATE rooms_chatroom SET last_message_id = head FROM
(SELECT room_id, max(id) AS head FROM rooms_message GROUP BY room_id) heads WHERE heads.room_id = rooms_chatroom.id
"""
WORDS = """
INSERT INTO rooms_words
SELECT id, room_id, rooms_message_words(id, room_id, author_id::text, created_at, body) FROM rooms_message ORDER BY id;
TRUNCATE rooms_unindexed
"""
"""What a server would else begin with."""
CURSOR_OURS = """
SELECT id FROM rooms_message WHERE room_id = (SELECT id FROM rooms_chatroom WHERE slug = %s)
ORDER BY id DESC OFFSET %s LIMIT 1
"""
CURSOR_PEERS = "SELECT id FROM messages WHERE room = %s ORDER BY id DESC OFFSET %s LIMIT 1"


class DatabaseError(Exception):
    """The PostgreSQL is of no use for a benchmark; the text says why."""


@dataclass
class Databases:
    """The databases of one run of benchmarks; all are gone when it ends."""

    url: str
    progress: bool = True
    _made: dict[tuple[str, int], str] = field(default_factory=dict)
    _home: TemporaryDirectory[str] = field(default_factory=lambda: TemporaryDirectory(prefix="chat-bench-"))
    _mark: str = field(default_factory=lambda: f"bench_{os.getpid()}_{secrets.token_hex(2)}")

    def check(self) -> str:
        """Return the PostgreSQL's version.

        Raises:
            DatabaseError: it does not answer, or would lose commits in a power cut.
        """
        try:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                if (found := self._ask(self.url, f"SHOW {setting}")) != "on":
                    raise DatabaseError(f"{setting} is {found}: what is measured here is durable")
            return str(self._ask(self.url, "SHOW server_version"))
        except psycopg2.Error as error:
            raise DatabaseError(str(error).strip()) from None

    @property
    def tokens(self) -> Path:
        """A file of the people's tokens, one a line."""
        path = Path(self._home.name) / "tokens"
        if not path.exists():
            path.write_text("".join(TOKEN % n + "\n" for n in range(PEOPLE)), encoding="ascii")
        return path

    @property
    def home(self) -> Path:
        """A folder that is gone after the run."""
        return Path(self._home.name)

    def get(self, schema: str, rows: int) -> str:
        """Return the URL of a database of `ours`, of the `peers`, or of ours on `sqlite`; made once.

        It has so many messages at first.
        """
        if schema == "sqlite" and (schema, rows) not in self._made:
            self._made[schema, rows] = self._sqlite(rows)
        if (schema, rows) not in self._made:
            name = f"{self._mark}_{schema}_{rows}"
            self._execute(
                self.url, sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name))
            )
            url = urlunsplit(urlsplit(self.url)._replace(path=f"/{name}"))  # noqa: SLF001 (a named tuple's own way)
            self._made[schema, rows] = url
            if schema == "ours":
                self._migrate(url)
            self._execute(
                url, (SEED_OURS if schema == "ours" else SEED_PEERS).format(people=PEOPLE, rooms=ROOMS)
            )
            self._fill(url, schema, rows)
        return self._made[schema, rows]

    def environment(self, url: str) -> dict[str, str]:
        """Return the variables by which the chat runs on a database."""
        return {
            "DATABASE_URL": url,
            "CHAT_DATA_DIR": self._home.name,
            "SECRET_KEY": "of a benchmark",
            # A few accounts send what a crowd does, from one address. The limits are looked at all the same.
            "CHAT_SENDS_PER_MINUTE": "1000000",
            "CHAT_SENDS_PER_MINUTE_NEW": "1000000",
            "CHAT_SENDS_PER_MINUTE_ADDRESS": "1000000",
            "CHAT_SENDS_BURST": "1000000",
            "CHAT_CONNECTIONS_PER_ADDRESS": "1000000",
        }

    def cursors(self, schema: str, rows: int, missed: int) -> Path:
        """Return a file of rooms and the cursors after which so many messages lie, a line each."""
        path = self.home / f"cursors-{schema}-{rows}"
        query = CURSOR_OURS if schema == "ours" else CURSOR_PEERS
        # The first rooms are those that workloads post to.
        lines = [
            f"{room} {self._ask(self.get(schema, rows), query, (f'r{room}', missed)) or 0}"
            for room in range(1, ROOMS)
        ]
        path.write_text("\n".join(lines) + "\n", encoding="ascii")
        return path

    def settle(self) -> None:
        """Write out what earlier runs left behind, so that no later one pays for it."""
        self._execute(self.url, "CHECKPOINT")

    def close(self) -> None:
        """Remove everything."""
        for url in (url for (schema, _rows), url in self._made.items() if schema != "sqlite"):
            name = urlsplit(url).path.lstrip("/")
            self._execute(
                self.url, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
            )
        self._home.cleanup()

    def _migrate(self, url: str) -> None:
        self._manage(url, "migrate", "--verbosity", "0")

    def _manage(self, url: str, *arguments: str) -> None:
        environment = {**os.environ, **self.environment(url)}
        subprocess.run([str(PYTHON), "manage.py", *arguments], cwd=ROOT, env=environment, check=True)

    def _sqlite(self, rows: int) -> str:
        url = f"sqlite:///{self.home / f'{rows}.sqlite3'}"
        self._migrate(url)
        seed = SEED_SQLITE.format(people=PEOPLE, rooms=ROOMS, rows=rows, token=TOKEN)
        self._manage(url, "shell", "--no-imports", "--verbosity", "0", "--command", seed)
        return url

    def _fill(self, url: str, schema: str, rows: int) -> None:
        statement = (FILL_OURS if schema == "ours" else FILL_PEERS).format(people=PEOPLE, rooms=ROOMS)
        with closing(psycopg2.connect(url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                for first in range(0, rows, STEP_ROWS):
                    last = min(first + STEP_ROWS, rows) - 1
                    cursor.execute(statement, {"first": first, "last": last})
                    self._show(f"{schema}: {last + 1:,} of {rows:,} messages", over=last + 1 == rows)
                if rows and schema == "ours":
                    cursor.execute(HEADS)
                    cursor.execute(WORDS)
                cursor.execute("VACUUM ANALYZE")

    def _show(self, text: str, *, over: bool) -> None:
        if self.progress:
            print(f"\r{text}", end="\n" if over else "", file=sys.stderr, flush=True)

    @staticmethod
    def _execute(url: str, statement: str | sql.Composed) -> None:
        with closing(psycopg2.connect(url)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)

    @staticmethod
    def _ask(url: str, query: str, arguments: tuple[object, ...] = ()) -> object:
        with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
            cursor.execute(query, arguments)
            row = cursor.fetchone()
            return row[0] if row else None
