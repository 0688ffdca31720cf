"""`manage.py say`: a message into a room."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from rooms import log
from rooms.management import plainly


class Command(BaseCommand):
    """Appends one message and prints its id."""

    help = (
        "Post a message into a room, live for whoever reads there, and print its id. Without --as the server "
        "itself speaks, and the message has no author. What the room or the author may do is not asked: an "
        "archived room takes it too. With --nonce the message is stored once, however often the command is "
        "run: run again, it prints the same id."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where, what and by whom."""
        parser.add_argument("room", metavar="ROOM", help="the room's address, as in its URL")
        parser.add_argument(
            "text", metavar="TEXT", help="what to say; - reads it from standard input, in UTF-8"
        )
        parser.add_argument(
            "--as", metavar="USER", dest="author", help="whose message it is: what they log in with"
        )
        parser.add_argument(
            "--nonce",
            metavar="KEY",
            help="1 to 64 letters, digits, hyphens or underscores (default: a new one)",
        )

    def handle(self, *_args: Any, room: str, text: str, **options: Any) -> str:
        """Return the id.

        Raises:
            CommandError: there is no such room or user, or the log does not take the text.
        """
        with plainly.told_plainly():
            where = plainly.room(room)
            author = plainly.user(options["author"]) if options["author"] is not None else None
            body = _standard_input() if text == "-" else text
            return str(log.post(where, author, body, nonce=options["nonce"]).id)


def _standard_input() -> str:
    try:
        return sys.stdin.read()
    except UnicodeDecodeError:
        raise CommandError("Standard input is not UTF-8.") from None
