"""`manage.py newepoch`: the step after a backup was restored."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from rooms import log
from rooms.management import plainly
from rooms.models import SiteState


class Command(BaseCommand):
    """Gives the database a new epoch."""

    help = (
        "Give the database a new epoch. Run it after a backup was restored, before the site is used again: "
        "ids that the lost messages had will be given to others, so what clients hold is void. With the new "
        "epoch every client throws that away and reads anew. A running server notices within two seconds. "
        "Run without need, it loses nothing: clients read once more."
    )

    def handle(self, *_args: Any, **_options: Any) -> str:
        """Return the old epoch and the new one.

        Raises:
            CommandError: the database does not answer.
        """
        with plainly.told_plainly():
            old = SiteState.current().epoch
            return f"{old} -> {log.new_epoch()}"
