"""How a test run is made; no plugin but this file.

A run is a site of its own: a temporary `CHAT_DATA_DIR`, a secret key, and one database, all told by the
environment, so that what a test starts (`manage.py runchat`, another process) is of the same site.
`TEST_DATABASE_URL` names a PostgreSQL *server*; `DATABASE_URL`, which may name somebody's real site, is not
looked at.

`pytest` runs on SQLite: all tests but those marked `postgresql`.
`pytest --database=postgresql` runs on PostgreSQL those marked `databases` (meaning: on both) or `postgresql`.
Mark a class, a function, or a module (`pytestmark = pytest.mark.databases`).

The database is a file or a real PostgreSQL database, never in memory, so threads and processes may use it. It
is made, by the migrations, when the first test that needs it begins: one in a class of Django's
`TransactionTestCase` (`TestCase` is one), or one marked `databases`, `postgresql` or `database`. A `TestCase`
is rolled back. After any other of these tests the database is put back to what the migrations left in it, so
tests may run in any order.

A test of Twisted code with the ORM: `class T(SynchronousTestCase, django.test.TestCase)`.

For a test of the whole service there are `chat`, on transports in memory, the people `ana` and `ben`, and
`tea`, a room of ana's.

Tests marked `browser` need a Chromium. What had to be left out is told at the end, and with `CI=true` fails
the run.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import django
import pytest
from django.test import TestCase, TransactionTestCase
from django.test.utils import setup_test_environment, teardown_test_environment

from tests import chromium, nginx, postgresql

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rooms.models import ChatRoom
    from tests.support_inline import Inline

MARKS_WITH_DATABASE = ("databases", "postgresql", "database")
UNHURRIED = {
    "CHAT_SENDS_PER_MINUTE": "1000000",
    "CHAT_SENDS_PER_MINUTE_NEW": "1000000",
    "CHAT_SENDS_BURST": "1000000",
}
"""A test sends faster than people; what it takes to be told so has tests of its own."""
SITE_VARIABLES = (
    "ALLOWED_HOSTS",
    "CSRF_TRUSTED_ORIGINS",
    "DATABASE_URL",
    "DEBUG",
    "LANGUAGE_CODE",
    "LISTEN_DATABASE_URL",
    "LOG_JSON",
    "LOG_LEVEL",
    "SECRET_KEY",
    "TIME_ZONE",
)


class Run:
    """One run's site, its database, and what had to be left out."""

    def __init__(self, *, on_postgresql: bool) -> None:
        """Describe the site to Django, and to what tests start. The database is made later."""
        self.on_postgresql = on_postgresql
        self.left_out: list[str] = []
        self.data_dir = Path(tempfile.mkdtemp(prefix="chat-test-"))
        self._server: postgresql.Server | None = None
        self._name = postgresql.unique_name()
        self._as_migrated: str | None = None
        for name in list(os.environ):
            if name.startswith("CHAT_") or name in SITE_VARIABLES:
                del os.environ[name]
        os.environ |= {
            "CHAT_DATA_DIR": str(self.data_dir),
            "SECRET_KEY": "only-of-a-test-run-" * 3,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            **UNHURRIED,
        }
        if on_postgresql:
            try:
                self._server = postgresql.find(os.environ)
            except postgresql.NotFoundError as error:
                self.left_out.append(f"all tests on PostgreSQL: {error}")
            else:
                os.environ["DATABASE_URL"] = self._server.url(self._name)
        django.setup()
        setup_test_environment()

    def make_database(self) -> None:
        """Make the database, unless it has been."""
        if self._as_migrated is not None:
            return
        from django.core.management import call_command
        from django.db import connection

        if self._server:
            postgresql.create(self._server, self._name)
        call_command("migrate", verbosity=0, interactive=False)
        self._as_migrated = connection.creation.serialize_db_to_string()

    def restore_database(self) -> None:
        """Put the database back to what the migrations left in it."""
        from django.core.management import call_command
        from django.db import connection

        assert self._as_migrated is not None
        # Sequences go on: the migrated rows keep their keys, which a sequence begun anew would draw again.
        call_command(
            "flush", verbosity=0, interactive=False, inhibit_post_migrate=True, reset_sequences=False
        )
        connection.creation.deserialize_db_from_string(self._as_migrated)

    def close(self) -> None:
        """Remove all that the run made."""
        from django.db import connections

        teardown_test_environment()
        connections.close_all()
        if self._server:
            if self._as_migrated is not None:
                postgresql.drop(self._server, self._name)
            self._server.close()
        shutil.rmtree(self.data_dir)


RUN = pytest.StashKey[Run]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the choice of a database."""
    parser.addoption(
        "--database", choices=("sqlite", "postgresql"), default="sqlite", help="what the tests run on"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the run's site, before any test module is imported."""
    config.stash[RUN] = Run(on_postgresql=config.getoption("--database") == "postgresql")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep the tests that are for this run's database; skip those that lack what they need."""
    run = config.stash[RUN]
    kept = [item for item in items if _is_for(item, on_postgresql=run.on_postgresql)]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept
    if run.left_out:
        _skip(kept, run.left_out[0])
    in_browser = [item for item in kept if item.get_closest_marker("browser")]
    if in_browser and not chromium.is_installed():
        run.left_out.append(f"{len(in_browser)} tests in a browser: no Chromium is installed")
        _skip(in_browser, run.left_out[-1])
    behind_nginx = [item for item in kept if item.get_closest_marker("nginx")]
    if behind_nginx and nginx.executable() is None:
        run.left_out.append(f"{len(behind_nginx)} tests behind nginx: none is installed")
        _skip(behind_nginx, run.left_out[-1])


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Make the database before the first test that needs it."""
    if _needs_database(item) and not item.get_closest_marker("skip"):
        item.config.stash[RUN].make_database()


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Put the database back after a test that was not rolled back."""
    rolled_back = _is_class(item, TestCase)
    if _needs_database(item) and not rolled_back and not item.get_closest_marker("skip"):
        item.config.stash[RUN].restore_database()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Tell loudly what was left out."""
    for what in config.stash[RUN].left_out:
        terminalreporter.section("LEFT OUT", sep="!", red=True, bold=True)
        terminalreporter.line(f"NOT RUN: {what}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In continuous integration, having left something out is a failure."""
    if session.config.stash[RUN].left_out and os.environ.get("CI", "").lower() in {"1", "true"}:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove what the run made."""
    if RUN in config.stash:
        config.stash[RUN].close()


@pytest.fixture
def chat() -> Iterator[Inline]:
    """Return the whole service; what was uploaded to it is gone afterwards."""
    from tests.support_files import forget_stored
    from tests.support_inline import Inline

    chat = Inline()
    yield chat
    chat.close()
    forget_stored()


@pytest.fixture
def ana() -> Any:
    """Return somebody with an account."""
    from tests.support_rooms import person

    return person("ana")


@pytest.fixture
def ben() -> Any:
    """Return somebody else."""
    from tests.support_rooms import person

    return person("ben")


@pytest.fixture
def tea(ana: Any) -> ChatRoom:
    """Return a public room that ana owns."""
    from tests.support_rooms import owned

    return owned("tea", ana)


def _is_for(item: pytest.Item, *, on_postgresql: bool) -> bool:
    only_postgresql = item.get_closest_marker("postgresql") is not None
    return (
        only_postgresql or item.get_closest_marker("databases") is not None
        if on_postgresql
        else not only_postgresql
    )


def _skip(items: list[pytest.Item], reason: str) -> None:
    for item in items:
        item.add_marker(pytest.mark.skip(reason=reason))


def _needs_database(item: pytest.Item) -> bool:
    return _is_class(item, TransactionTestCase) or any(map(item.get_closest_marker, MARKS_WITH_DATABASE))


def _is_class(item: pytest.Item, base: type) -> bool:
    owner = getattr(item, "cls", None)
    return isinstance(owner, type) and issubclass(owner, base)
