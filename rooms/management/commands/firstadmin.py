"""`manage.py firstadmin`: another link that makes the first administrator."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError, CommandParser

from rooms import firstadmin
from rooms.management import plainly


class Command(BaseCommand):
    """Prints a new one-time link."""

    help = (
        "Print a link that opens a page to create the first administrator. It works once, for 24 hours, "
        "and voids the link before it. Where a superuser exists there is none: that one makes others, in "
        "the admin."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where the site is reached."""
        parser.add_argument(
            "--base-url",
            default="http://127.0.0.1:8000",
            help="how browsers reach the site (default: %(default)s)",
        )

    def handle(self, *_args: Any, base_url: str, **_options: Any) -> str:
        """Return the link.

        Raises:
            CommandError: a superuser exists, or the base is no http(s) address, or the database does not
                answer.
        """
        try:
            parts = urlsplit(base_url)
        except ValueError as error:
            raise CommandError(f"--base-url is no address: {error}.") from None
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise CommandError("--base-url begins with http:// or https:// and a host.")
        with plainly.told_plainly():
            link = firstadmin.issue_link()
        if link is None:
            raise CommandError("A superuser exists. In the admin, that one makes others.")
        return f"{parts.scheme}://{parts.netloc}{link}"
