"""`manage.py cleanfiles`: files that belong to no message, removed from the storage."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from rooms import filekeeping
from rooms.management import plainly


class Command(BaseCommand):
    """Removes them, and prints how many there were."""

    help = (
        "Remove uploads that were not sent for a day, and what else no message has: the bytes of uploads "
        "that were cut off, and those whose removal failed. It may run while the site does, as a daily job: "
        "it works in small steps, and cut off anywhere, the next run goes on."
    )

    def handle(self, *_args: Any, **_options: Any) -> str:
        """Return how many went.

        Raises:
            CommandError: the database does not answer.
        """
        unsent = loose = 0
        with plainly.told_plainly():
            for swept in filekeeping.sweep():
                unsent += swept.unsent
                loose += swept.loose
        return f"{unsent} not sent, {loose} loose: removed."
