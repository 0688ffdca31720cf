"""Makes people with tokens, and rooms, in the site that it runs in, and prints them as JSON."""

from __future__ import annotations

import json
import sys

from tests.support_rooms import LOBBY, person, room


def make(people: int, rooms: int) -> None:
    """Make them and print {"tokens": [...], "rooms": [...]}."""
    from rooms import accounts

    person("boss", is_superuser=True, is_staff=True)  # so that no server tells how to make the first one
    tokens = [accounts.issue_token(person(f"person{number}"), "faults") for number in range(people)]
    slugs = [LOBBY, *(room(f"room{number}").slug for number in range(1, rooms))]
    sys.stdout.write(json.dumps({"tokens": tokens, "rooms": slugs}) + "\n")
