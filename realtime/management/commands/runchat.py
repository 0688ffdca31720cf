"""`manage.py runchat`: serves pages, files, the API and all transports on one port."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError
from django.core.servers.basehttp import get_internal_wsgi_application
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor

from realtime import config, deadline, logs, parent, reload, worker
from realtime.listening import NotStarted
from realtime.logs import NO_FIRST_ADMIN_LINK

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable

logger = logging.getLogger(__name__)

DEFAULT_ENDPOINT = "tcp:8000:interface=127.0.0.1"
MOST_WORKERS = 64
UTF8 = "UTF8"
LINK_S = 1.0
"""How long a parent of workers waits for the database: it ends within ten seconds, whatever happens."""


class Command(BaseCommand):
    """Parses, checks that the server can run, and runs it."""

    help = "Serve the chat: pages, static files, HTTP API, WebSocket, event streams and long polls."
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the options."""
        parser.add_argument(
            "--listen",
            action="append",
            metavar="ENDPOINT",
            help="where to listen, as a Twisted endpoint string; may be given several times "
            f"(default: {DEFAULT_ENDPOINT})",
        )
        parser.add_argument(
            "--reload", action="store_true", help="start again whenever a source file changes"
        )
        parser.add_argument(
            "--workers",
            type=int,
            default=1,
            metavar="N",
            help="how many processes share the work; more than one needs PostgreSQL (default: %(default)s)",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run until SIGTERM or SIGINT."""
        if options["reload"] and options["workers"] != 1:
            raise CommandError("--reload and --workers do not go together: --reload is for development.")
        if options["reload"] and not reload.is_child(os.environ):
            command = [sys.executable, *sys.argv]
            sys.exit(reload.run_parent(command, [app.path for app in apps.get_app_configs()]))
        try:
            chosen = config.from_settings(settings)
        except config.ConfigError as error:
            raise CommandError(str(error)) from None
        check_workers(options["workers"])
        check_database()
        listen = options["listen"] or [DEFAULT_ENDPOINT]
        try:
            code = self._run(chosen, listen, options["workers"])
        except NotStarted as error:
            raise CommandError(str(error)) from None
        if code:
            sys.exit(code)

    def _run(self, chosen: config.Config, listen: list[str], workers: int) -> int:
        """Run as one process, as the parent of several, or as one of those."""
        inheritance = worker.inherited(os.environ)
        if workers > 1 and inheritance is None:
            return parent.run_parent(
                workers, listen, lambda urls: self._announce(urls, first_admin_link()), parent.own_command()
            )
        # Only now: the import installs the reactor.
        from realtime.running import run

        logs.begin()
        announce = self._announce if inheritance is None else _nothing
        return run(chosen, listen, pages(), announce, inheritance)

    def _announce(self, urls: list[str], link: str | None) -> None:
        for url in urls:
            self.stdout.write(f"The chat is at {url}")
        if link is not None:
            base = next((url for url in urls if url.startswith("http")), "").rstrip("/")
            self.stdout.write(f"Make the first administrator, once, within 24 hours: {base}{link}")
        self.stdout.flush()


def pages() -> Callable[..., Any]:
    """Return Django as the site has it served: WSGI_APPLICATION, with what the site puts around it.

    Raises:
        CommandError: it cannot be imported.
    """
    try:
        application: Callable[..., Any] = get_internal_wsgi_application()
    except ImproperlyConfigured as error:
        raise CommandError(str(error)) from error
    return application


def check_workers(count: int) -> None:
    """Raise CommandError where so many workers are none, or too many, or the database is not for several."""
    if not 1 <= count <= MOST_WORKERS:
        raise CommandError(f"--workers is an integer from 1 to {MOST_WORKERS}; it is {count}.")
    if count > 1 and connections[DEFAULT_DB_ALIAS].vendor == "sqlite":
        raise CommandError(
            "--workers above 1 needs PostgreSQL: SQLite lets one process write at a time and tells no other."
        )


def check_database() -> None:
    """Raise CommandError, in one line, where the database does not answer, lacks UTF-8 or lacks migrations.

    In another encoding PostgreSQL refuses the texts that it lacks letters for, each anew whenever it is sent.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    try:
        connection.ensure_connection()
        encoding = _encoding(connection)
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise CommandError(f"The database does not answer: {reason}") from None
    finally:
        connection.close()
    if encoding != UTF8:
        raise CommandError(
            f"The database is encoded in {encoding}, which does not hold every text: it must be in UTF-8 "
            "(`createdb --encoding=UTF8 --template=template0`)."
        )
    if missing:
        first = missing[0][0]
        raise CommandError(
            f"{len(missing)} migrations are not applied (the first: {first.app_label}.{first.name}): "
            "run `manage.py migrate`."
        )


def _encoding(connection: Any) -> str:
    if connection.vendor != "postgresql":
        return UTF8
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_encoding")
        return str(cursor.fetchone()[0])


def first_admin_link() -> str | None:
    """Return the path of a new link for the first administrator, as `rooms.firstadmin.issue_link`.

    Only for a process without a reactor: this waits for the database, which hears no signal meanwhile. None
    also where it does not answer at once.
    """
    from rooms import firstadmin

    deadline.install()
    try:
        with deadline.deadline(LINK_S):
            return firstadmin.issue_link()
    except DatabaseError as error:
        logger.warning(NO_FIRST_ADMIN_LINK, error)
        return None
    finally:
        connections[DEFAULT_DB_ALIAS].close()


def _nothing(_urls: list[str], _link: str | None) -> None:
    """Leave it to the parent to tell where the chat is."""
