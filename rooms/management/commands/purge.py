"""`manage.py purge`: withheld text, removed for good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from rooms import purging
from rooms.acting import perform
from rooms.actions import Purge
from rooms.management import plainly
from rooms.messages import MAX_ID
from rooms.models import Message, WithheldText
from rooms.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_DAYS = 36_500


class Command(BaseCommand):
    """Removes withheld text and prints how much."""

    help = (
        "Remove for good the text that redactions and edits have withheld, and the files of redacted "
        "messages, which moderators can read until then: of one message and its edits, of one author, or all "
        "that was withheld more than so many days ago. What readers see does not change. It cannot be taken "
        "back, but from a backup, and the audit trail tells of it. Cut off in the middle, it goes on where "
        "it was when run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take what is to go."""
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--message", metavar="ID", type=int, help="of this message and its edits")
        what.add_argument(
            "--older-than", metavar="DAYS", type=int, help="all that was withheld more than so many days ago"
        )
        what.add_argument("--author", metavar="USER", help="all of one author: what they log in with")

    def handle(self, *_args: Any, **options: Any) -> str:
        """Return how many texts were removed.

        Raises:
            CommandError: there is no such message or user, nothing is withheld of the message, or the
                days are none.
        """
        with plainly.told_plainly():
            if options["message"] is not None:
                return _told(_purge_message(options["message"]))
            if options["author"] is not None:
                return self._run(purging.purge_of(plainly.user(options["author"])))
            days = options["older_than"]
            if not 0 <= days <= MOST_DAYS:
                raise CommandError(f"--older-than is a number of days from 0 to {MOST_DAYS}.")
            return self._run(purging.purge_older_than(days))

    def _run(self, pieces: Iterator[purging.Piece]) -> str:
        newest = WithheldText.objects.order_by("-pk").values_list("pk", flat=True).first()
        purged = files = 0
        with Progress(self.stderr, "Purging", newest or 0) as progress:
            for piece in pieces:
                purged += piece.texts
                files += piece.files
                progress.reach(piece.last, f"{purged:,} texts")
        return _told(purged, files)


def _purge_message(key: int) -> int:
    rows = Message.objects.filter(pk=key) if 1 <= key <= MAX_ID else Message.objects.none()
    slug = rows.values_list("room__slug", flat=True).first()
    if slug is None:
        raise CommandError(f"There is no message {key}.")
    purged: int = perform(None, Purge(slug, key), trusted=True)
    return purged


def _told(texts: int, files: int = 0) -> str:
    with_files = f", and {files} {'file' if files == 1 else 'files'}" if files else ""
    return f"1 text was removed{with_files}." if texts == 1 else f"{texts} texts were removed{with_files}."
