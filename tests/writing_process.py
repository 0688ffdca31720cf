"""A process of its own that appends to one room from several threads, each on its own connection.

    python -m tests.writing_process ROOM AUTHOR_ID NAME THREADS MESSAGES

Prints a line of JSON for each acknowledged message, `[nonce, id]`, and exits 0 once all are stored.
"""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor

import django


def write(room: str, author: int, name: str, messages: int) -> None:
    """Append messages one at a time; one whose outcome is unknown is appended again under its nonce."""
    from django.db import OperationalError, connection

    from rooms import log
    from rooms.messages import Draft, Kind, Stored

    for number in range(messages):
        draft = Draft(room, Kind.MESSAGE, author, f"{name}-{number}", f"{name} says {number}")
        outcome: object = None
        while not isinstance(outcome, Stored):
            try:
                [outcome] = log.append([draft]).outcomes
            except OperationalError as error:  # SQLite, where twenty writers queue for one lock
                if "locked" not in str(error):
                    raise
        sys.stdout.write(json.dumps([draft.nonce, outcome.posted.id]) + "\n")
        sys.stdout.flush()
    connection.close()


def main(room: str, author: str, name: str, threads: str, messages: str) -> None:
    """Write from that many threads at once."""
    django.setup()
    with ThreadPoolExecutor(int(threads)) as pool:
        for done in [
            pool.submit(write, room, int(author), f"{name}-{number}", int(messages))
            for number in range(int(threads))
        ]:
            done.result()


if __name__ == "__main__":
    main(*sys.argv[1:])
