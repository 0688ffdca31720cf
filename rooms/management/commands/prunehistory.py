"""`manage.py prunehistory`: takes out of the logs what is older than it is to be kept."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from rooms import retention
from rooms.management import plainly
from rooms.progress import Progress


class Command(BaseCommand):
    """Prunes, and prints by room how many rows went."""

    help = (
        "Take out of the logs what is older than its room keeps: the room's days, else the setting "
        "CHAT_KEEP_DAYS; 0 keeps for good. Messages, edits, reactions and notices go, with what is withheld "
        "or reported of them; a message takes with it what changed it since. Redactions stay: whoever comes "
        "back later obeys them. Readers go on from wherever they are. It may run while the site does, "
        "as a daily job: it works in small steps, and cut off anywhere, the next run goes on."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which room, and whether only to tell."""
        parser.add_argument("--room", metavar="ROOM", help="this room alone, by its address (default: all)")
        parser.add_argument("--dry-run", action="store_true", help="only tell how many rows would go")

    def handle(self, *_args: Any, **options: Any) -> str:
        """Return how many rows went, or would go, by room.

        Raises:
            CommandError: there is no such room, or the database does not answer.
        """
        with plainly.told_plainly():
            slug = plainly.room(options["room"]).slug if options["room"] is not None else None
            old = retention.old(slug)
            if options["dry_run"]:
                return _told({one.room: one.rows for one in old}, "would go")
            gone: dict[str, int] = {}
            with Progress(self.stderr, "Pruning", sum(one.rows for one in old)) as progress:
                for piece in retention.prune(slug):
                    gone[piece.room] = gone.get(piece.room, 0) + piece.rows
                    progress.reach(sum(gone.values()))
            return _told(gone, "went")


def _told(rows: dict[str, int], what: str) -> str:
    lines = [f"{room}: {count}" for room, count in rows.items()]
    return "\n".join([*lines, f"{sum(rows.values())} {what}"])
