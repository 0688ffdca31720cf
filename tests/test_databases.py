"""The database setting from a URL, and what the connection then really does."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection, connections
from django.test import TransactionTestCase
from django.test.utils import CaptureQueriesContext

from project.databases import POSTGRESQL, SQLITE, database, direct
from rooms.models import ChatRoom, SiteState

DATA = Path("/data")


def test_notifications_go_where_their_own_url_says() -> None:
    found = direct("postgresql://ana:hunter2@direct.example/chat")
    assert found is not None
    assert (found["ENGINE"], found["HOST"], found["NAME"]) == (POSTGRESQL, "direct.example", "chat")
    assert direct("") is None


@pytest.mark.parametrize("url", ["sqlite:////x", "nonsense", "postgresql://ana:hunter2@db:port/chat"])
def test_notifications_go_to_postgresql_alone(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="^LISTEN_DATABASE_URL ") as refused:
        direct(url)
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_without_a_url_it_is_a_file_in_the_data_directory() -> None:
    assert database("", DATA)["NAME"] == "/data/db.sqlite3"


def test_sqlite_by_url_has_the_same_options_as_without() -> None:
    given = database("sqlite:////srv/chat.sqlite3", DATA)
    assert given == {**database("", DATA), "NAME": "/srv/chat.sqlite3"}


def test_a_relative_file_is_of_the_working_directory() -> None:
    assert database("sqlite:///chat.sqlite3", DATA)["NAME"] == str(Path.cwd() / "chat.sqlite3")


def test_postgresql_by_url() -> None:
    given = database("postgresql://ana:p%40ss@db.example:5433/chat?sslmode=require&connect_timeout=2", DATA)
    assert given["ENGINE"] == POSTGRESQL
    assert (given["USER"], given["PASSWORD"], given["HOST"], given["PORT"]) == (
        "ana",
        "p@ss",
        "db.example",
        5433,
    )
    assert given["OPTIONS"] == {"sslmode": "require", "connect_timeout": 2, "application_name": "chat"}


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://:memory:",
        "sqlite://",
        "mysql://ana:hunter2@db/chat",
        "postgresql://ana:hunter2@db:port/chat",
        "nonsense",
        "postgis://ana:hunter2@db/chat",
    ],
)
def test_what_cannot_be_used_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="^DATABASE_URL ") as refused:
        database(url, DATA)
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_second_database_is_migrated_by_itself(tmp_path: Path) -> None:
    """The first rows are made in it, whatever there is in the default one."""
    connections.settings["other"] = {
        **connections.settings["default"],
        "NAME": str(tmp_path / "other.sqlite3"),
    }
    try:
        call_command("migrate", "rooms", database="other", verbosity=0)
        assert [room.slug for room in ChatRoom.objects.using("other")] == ["lobby"]
        assert SiteState.objects.using("other").count() == 1
    finally:
        connections["other"].close()
        del connections["other"], connections.settings["other"]


class OnSqlite(TransactionTestCase):
    """What a connection of the site does, on SQLite."""

    def test_it_is_the_file_that_the_environment_names(self) -> None:
        assert connection.settings_dict["ENGINE"] == SQLITE
        assert Path(connection.settings_dict["NAME"]).is_file()

    def test_commits_outlast_a_power_cut_and_readers_do_not_wait_for_writers(self) -> None:
        with connection.cursor() as cursor:
            found = []
            for pragma in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout"):
                cursor.execute(f"PRAGMA {pragma}")
                found.append(cursor.fetchone()[0])
        full = 2
        self.assertEqual(found, ["wal", full, 1, 4000])

    def test_a_transaction_takes_its_turn_to_write_before_it_reads(self) -> None:
        from django.db import transaction

        with CaptureQueriesContext(connection) as seen, transaction.atomic():
            pass
        self.assertEqual(seen.captured_queries[0]["sql"], "BEGIN IMMEDIATE")


@pytest.mark.postgresql
class OnPostgresql(TransactionTestCase):
    """What a connection of the site does, on PostgreSQL."""

    def test_it_is_a_database_of_this_run_alone(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_database(), current_setting('application_name')")
            name, application = cursor.fetchone()
        self.assertEqual(name, connection.settings_dict["NAME"])
        self.assertTrue(name.startswith("test_chat_"))
        self.assertEqual(application, "chat")

    def test_a_connection_that_died_is_replaced_at_the_next_unit_of_work(self) -> None:
        from django.db import close_old_connections

        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            [first] = cursor.fetchone()
        other = connection.copy()
        try:
            with other.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
                self.assertEqual(cursor.fetchone(), (True,))
        finally:
            other.close()
        close_old_connections()
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            [second] = cursor.fetchone()
        self.assertNotEqual(first, second)
