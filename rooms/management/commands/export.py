"""`manage.py export`: the log of a room, or of all, as JSON Lines."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from rooms import history, wireform
from rooms.management import plainly
from rooms.messages import MAX_ID
from rooms.models import ChatRoom
from rooms.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = 500


class Command(BaseCommand):
    """Writes messages, one a line."""

    help = (
        "Write the log of a room, or of all rooms one after the other, as JSON Lines: one message a line, "
        "in the form that docs/protocol.md tells, as readers see it now; what is withheld is not in it. "
        "Edits, redactions, reactions and notices are lines of their own. With --after an export goes on "
        "where another ended: after its last id of that room. A file is there once it is whole."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take which rooms, from where on, and where to."""
        rooms = parser.add_mutually_exclusive_group(required=True)
        rooms.add_argument("room", metavar="ROOM", nargs="?", help="the room's address, as in its URL")
        rooms.add_argument("--all", action="store_true", help="all rooms, private and direct ones too")
        parser.add_argument(
            "--after", metavar="ID", type=int, default=0, help="only what follows this id (default: all)"
        )
        parser.add_argument("--output", metavar="FILE", help="where to write (default: standard output)")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write.

        Raises:
            CommandError: there is no such room, the id is none, or the file cannot be written.
        """
        after: int = options["after"]
        if not 0 <= after <= MAX_ID:
            raise CommandError("--after is the id of a message, or 0.")
        with plainly.told_plainly():
            rooms = (
                list(ChatRoom.objects.order_by("slug")) if options["all"] else [plainly.room(options["room"])]
            )
            if options["output"] is None:
                self._write_to_standard_output(rooms, after)
            else:
                with _whole(options["output"]) as out:
                    self._write(rooms, after, out)

    def _write_to_standard_output(self, rooms: list[ChatRoom], after: int) -> None:
        """Write until whoever reads has enough."""
        try:
            self._write(rooms, after, self.stdout)
            self.stdout.flush()
        except BrokenPipeError:
            _let_go_of_standard_output()
        except OSError as error:
            _let_go_of_standard_output()
            raise CommandError(f"Standard output cannot be written: {error.strerror}.") from None

    def _write(self, rooms: list[ChatRoom], after: int, out: Any) -> None:
        """Write the rooms' logs. How far it is goes by ids, which are counted over all rooms."""
        reached = written = 0
        total = sum(max(room.last_message_id - after, 0) for room in rooms)
        shown = _Silent() if out is self.stdout and out.isatty() else self.stderr
        with Progress(shown, "Exporting", total) as progress:
            for room in rooms:
                for page in _pages(room.slug, after):
                    out.write("".join(f"{wireform.line(one)}\n" for one in page))
                    written += len(page)
                    progress.reach(reached + page[-1].id - after, f"{written:,} messages")
                reached += max(room.last_message_id - after, 0)


def _let_go_of_standard_output() -> None:
    """Have what is left of it go nowhere: Python would try to flush again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _Silent:
    """The terminal that shows the messages themselves, and so not how far they are."""

    def isatty(self) -> bool:
        return False


def _pages(slug: str, cursor: int) -> Iterator[tuple[Any, ...]]:
    """Yield what follows a cursor, some hundred at a time."""
    more = True
    while more:
        page = history.after(slug, cursor, PAGE)
        more = page.more
        if page.messages:
            cursor = page.messages[-1].id
            yield page.messages


@contextmanager
def _whole(told: str) -> Iterator[Any]:
    """Open a file beside the one that is wanted, and put it in its place once it is written.

    What is no file (a pipe, a terminal, /dev/null) stays what it is, and is written to as it comes.

    Raises:
        CommandError: it cannot be written.
    """
    path = Path(told)
    if not path.name:
        raise CommandError(f"{told!r} cannot be written: it is no file's name.")
    if path.exists() and not path.is_file() and not path.is_dir():
        beside = place = path
    else:
        place = Path(os.path.realpath(path))  # a link goes on leading there
        beside = place.with_name(f"{place.name}.part")
    try:
        with beside.open("w", encoding="utf-8", newline="\n") as out:
            yield out
        if beside != place:
            beside.replace(place)
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror}.") from None
    finally:
        if beside != place:
            beside.unlink(missing_ok=True)
