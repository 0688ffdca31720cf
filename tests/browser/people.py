"""Who and what the pages' tests find on their site; run as a program, it puts them there.

    python -m tests.browser.people          makes them, prints their tokens as JSON
    python -m tests.browser.people ban SLUG NAME

It is a program since no ORM works beside Playwright's event loop.
"""

from __future__ import annotations

import json
import sys

import django

PASSWORD = "a long passphrase"
NAMES = ("ana", "ben", "mod")
ROOMS = {
    "den": "The den",
    "long": "A long story",
    "open": "Open house",
    "attic": "The attic",
    "yard": "The yard",
}


def make() -> dict[str, str]:
    """Make people and rooms and return a token of each, by name."""
    from django.contrib.auth.models import Permission, User
    from django.core.management import call_command

    from rooms import accounts
    from rooms.models import ChatRoom

    call_command("migrate", verbosity=0, interactive=False)
    for slug, name in ROOMS.items():
        ChatRoom.objects.create(slug=slug, name=name, open_to_guests=slug == "open")
    users = [User.objects.create_user(name, password=PASSWORD, is_staff=name == "mod") for name in NAMES]
    users[-1].user_permissions.add(Permission.objects.get(codename="change_message"))
    return {user.username: accounts.issue_token(user, "test") for user in users}


def ban(slug: str, name: str) -> None:
    """Keep somebody out of a room from now on."""
    from django.contrib.auth.models import User

    from rooms.models import Ban, ChatRoom

    Ban.objects.create(room=ChatRoom.objects.get(slug=slug), user=User.objects.get(username=name))


if __name__ == "__main__":
    django.setup()
    if sys.argv[1:2] == ["ban"]:
        ban(*sys.argv[2:])
    else:
        sys.stdout.write(json.dumps(make()))
