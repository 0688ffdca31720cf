"""How a test run comes by a PostgreSQL."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from tests import postgresql
from tests.postgresql import GivenServer, NotFoundError, OwnServer


@pytest.fixture
def closed_port() -> Iterator[int]:
    """Return a port that is taken and at which nobody answers."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def asked(url: str, query: str = "SELECT 1") -> object:
    with closing(psycopg2.connect(url, connect_timeout=5)) as connection, connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()


def binaries() -> Path:
    found = postgresql.installed_binaries()
    if found is None:
        pytest.skip("no PostgreSQL is installed here")
    return found


def test_a_given_server_that_does_not_answer_is_an_error(closed_port: int) -> None:
    url = f"postgresql://postgres@127.0.0.1:{closed_port}/postgres"
    with pytest.raises(NotFoundError, match="^TEST_DATABASE_URL: .*(failed|refused)"):
        postgresql.find({"TEST_DATABASE_URL": url}, binaries=lambda: pytest.fail("looked further"))


def test_with_none_at_all_it_says_what_was_looked_for(closed_port: int) -> None:
    with pytest.raises(NotFoundError, match="TEST_DATABASE_URL.*127.0.0.1.*initdb"):
        postgresql.find({}, port=closed_port, binaries=lambda: None)


def test_one_is_started_where_none_answers(closed_port: int) -> None:
    server = postgresql.find({}, port=closed_port, binaries=binaries)
    try:
        assert isinstance(server, OwnServer)
        postgresql.create(server, "a-b c")
        assert asked(server.url("a-b c"), "SELECT current_database()") == ("a-b c",)
        server.stop()
        with pytest.raises(psycopg2.OperationalError):
            asked(server.url())
        server.start()
        assert asked(server.url("a-b c")) == (1,)
        found = postgresql.find({"TEST_DATABASE_URL": server.url()})
        assert isinstance(found, GivenServer)
        with closing(psycopg2.connect(found.url("a-b c"))):
            postgresql.drop(found, "a-b c")
        with pytest.raises(psycopg2.OperationalError, match="does not exist"):
            asked(server.url("a-b c"))
        found.close()
        assert asked(server.url()) == (1,)
    finally:
        server.close()
    with pytest.raises(psycopg2.OperationalError):
        asked(server.url())


def test_a_server_of_ours_wants_its_password() -> None:
    server = OwnServer(binaries())
    try:
        server.start()
        with pytest.raises(psycopg2.OperationalError, match="password"):
            asked(f"postgresql://postgres:wrong@127.0.0.1:{server.port}/postgres")
    finally:
        server.close()


def test_a_user_who_may_make_no_databases_is_of_no_use() -> None:
    server = OwnServer(binaries())
    try:
        server.start()
        with closing(psycopg2.connect(server.url())) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")
            connection.commit()
        url = f"postgresql://guest:guest@127.0.0.1:{server.port}/postgres"
        with pytest.raises(NotFoundError, match="may not create databases"):
            postgresql.find({"TEST_DATABASE_URL": url})
    finally:
        server.close()


def test_binaries_are_only_those_that_run(tmp_path: Path) -> None:
    assert postgresql.installed_binaries([tmp_path]) is None
    for program in ("initdb", "pg_ctl", "postgres"):
        (tmp_path / program).touch(mode=0o600)
    assert postgresql.installed_binaries([tmp_path]) is None or os.geteuid() == 0
    for program in ("initdb", "pg_ctl", "postgres"):
        (tmp_path / program).chmod(0o700)
    assert postgresql.installed_binaries([tmp_path]) == tmp_path


def test_two_runs_use_two_databases() -> None:
    assert postgresql.unique_name() != postgresql.unique_name()
