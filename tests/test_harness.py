"""The test run itself: which tests it takes, what it restores, and how it tells what it left out."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import psycopg2
import pytest

from tests import postgresql

ROOT = Path(__file__).parent.parent
TESTS = """
import pytest
from django.contrib.auth.models import Group
from django.test import TestCase, TransactionTestCase

def make_one():
    assert Group.objects.count() == 0
    Group.objects.create(name="one")

def test_plain(): pass

@pytest.mark.database
def test_with_database(): make_one()

@pytest.mark.databases
class RolledBack(TestCase):
    def test_one(self): make_one()
    def test_two(self): make_one()

@pytest.mark.databases
class Committed(TransactionTestCase):
    def test_one(self): make_one()
    def test_two(self): make_one()

@pytest.mark.databases
def test_function_one(): make_one()

@pytest.mark.databases
def test_function_two(): make_one()

@pytest.mark.databases
def test_what_migrations_made():
    from django.contrib.auth.models import Permission
    assert Permission.objects.filter(codename="add_group").count() == 1

@pytest.mark.postgresql
def test_postgresql(): make_one()

@pytest.mark.browser
def test_browser(): pass
"""


def run(tmp_path: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the small set of tests above the way the project's own are run."""
    (tmp_path / "test_small.py").write_text(TESTS, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name not in {"CI", "DATABASE_URL"}}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-c", ROOT / "pyproject.toml", "-v",
         "-p", "no:cacheprovider", f"--rootdir={tmp_path}", *arguments, tmp_path / "test_small.py"],
        cwd=ROOT,
        env={**environment, **variables},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip


def passed(done: subprocess.CompletedProcess[str]) -> set[str]:
    return {line.split("::", 1)[1].split()[0] for line in done.stdout.splitlines() if " PASSED" in line}


ON_BOTH = {
    "RolledBack::test_one",
    "RolledBack::test_two",
    "Committed::test_one",
    "Committed::test_two",
    "test_function_one",
    "test_function_two",
    "test_what_migrations_made",
}


def test_on_sqlite_it_takes_all_but_those_for_postgresql(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "not browser")
    assert done.returncode == 0, done.stdout
    assert passed(done) == ON_BOTH | {"test_plain", "test_with_database"}


@pytest.mark.postgresql
def test_on_postgresql_it_takes_those_for_both_and_for_it(tmp_path: Path) -> None:
    done = run(tmp_path, "--database=postgresql", DATABASE_URL="postgresql://somebody@192.0.2.1/precious")
    assert done.returncode == 0, done.stdout
    assert passed(done) == ON_BOTH | {"test_postgresql"}


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_without_postgresql_it_says_so_and_fails_in_ci(tmp_path: Path, ci: str, code: int) -> None:
    done = run(tmp_path, "--database=postgresql", CI=ci, TEST_DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert done.returncode == code, done.stdout
    assert passed(done) == set()
    assert "LEFT OUT" in done.stdout
    assert "NOT RUN: all tests on PostgreSQL: TEST_DATABASE_URL: connection to server" in done.stdout


@pytest.mark.parametrize(("ci", "code"), [("", 0), ("true", 1)])
def test_without_chromium_it_says_so_and_fails_in_ci(tmp_path: Path, ci: str, code: int) -> None:
    done = run(tmp_path, CI=ci, PATH="/nowhere", PLAYWRIGHT_BROWSERS_PATH=str(tmp_path))
    assert done.returncode == code, done.stdout
    assert passed(done) == ON_BOTH | {"test_plain", "test_with_database"}
    assert "NOT RUN: 1 tests in a browser: no Chromium is installed" in done.stdout


def test_nothing_of_a_run_stays(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "not browser", TMPDIR=str(tmp_path))
    assert done.returncode == 0, done.stdout
    assert {path.name for path in tmp_path.iterdir()} <= {"test_small.py", "__pycache__"}


def test_its_database_is_dropped(tmp_path: Path) -> None:
    binaries = postgresql.installed_binaries()
    if binaries is None:
        pytest.skip("no PostgreSQL is installed here")
    server = postgresql.OwnServer(binaries)  # where nobody else makes any
    try:
        server.start()
        done = run(tmp_path, "--database=postgresql", TEST_DATABASE_URL=server.url())
        assert done.returncode == 0, done.stdout
        with closing(psycopg2.connect(server.url())) as connection, connection.cursor() as cursor:
            cursor.execute("SELECT datname FROM pg_database WHERE NOT datistemplate")
            assert cursor.fetchall() == [("postgres",)]
    finally:
        server.close()
