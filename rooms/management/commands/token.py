"""`manage.py token`: a Bearer token for a user."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from rooms import accounts
from rooms.management import plainly


class Command(BaseCommand):
    """Makes a token and prints it, alone, on standard output."""

    help = (
        "Make a Bearer token for the API and print it. It cannot be shown again: only a digest is kept. "
        "It does what its user may do until it is revoked, on the page of the user's tokens or in the admin."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whose it is, and its name."""
        parser.add_argument("user", metavar="USER", help="what the user logs in with")
        parser.add_argument(
            "--name", default="manage.py token", help="what the token is for (default: %(default)s)"
        )

    def handle(self, *_args: Any, user: str, name: str, **_options: Any) -> str:
        """Return the token.

        Raises:
            CommandError: there is no such user, the account is disabled, the name is no good, or the
                database does not answer.
        """
        with plainly.told_plainly():
            found = plainly.user(user)
            if not found.is_active:
                raise CommandError(f"The account of {user!r} is disabled: a token would open nothing.")
            try:
                return accounts.issue_token(found, name)
            except ValidationError as error:
                raise CommandError("; ".join(error.messages)) from None
