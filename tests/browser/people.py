"""Who and what the pages' tests find on their site; run as a program, it puts them there.

    python -m tests.browser.people          makes them, prints their tokens as JSON
    python -m tests.browser.people add NAME           makes one more, prints the token
    python -m tests.browser.people ban SLUG NAME
    python -m tests.browser.people fill SLUG COUNT    lets a room be old; prints the first id there

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


def add(name: str) -> str:
    """Make one more person and return a token."""
    from django.contrib.auth.models import User

    from rooms import accounts

    return accounts.issue_token(User.objects.create_user(name, password=PASSWORD), "test")


def ban(slug: str, name: str) -> None:
    """Keep somebody out of a room from now on."""
    from django.contrib.auth.models import User

    from rooms.models import Ban, ChatRoom

    Ban.objects.create(room=ChatRoom.objects.get(slug=slug), user=User.objects.get(username=name))


FILL = """
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %(count)s - 1)
    INSERT INTO rooms_message (room_id, kind, author_id, body, nonce, redacted, created_at)
    SELECT %(room)s, 'message', CASE i / 3 %% 2 WHEN 0 THEN %(one)s ELSE %(other)s END,
        'line ' || i ||
            CASE i %% 7 WHEN 0 THEN replace(hex(zeroblob(i %% 90)), '00', ' and more') ELSE '' END,
        'fill' || i, false, datetime('2026-01-01', '+' || (i * 20) || ' seconds')
    FROM n
"""
"""Two talk in turns, every 20 seconds, at times at length. By `rooms.log` 100,000 would take too long."""


def fill(slug: str, count: str) -> int:
    """Put messages into an empty room of a site on SQLite, as if they had been said long ago."""
    from django.contrib.auth.models import User
    from django.db import connection, transaction

    from rooms.models import ChatRoom, Message

    room = ChatRoom.objects.get(slug=slug)
    one, other = User.objects.filter(username__in=NAMES[:2]).order_by("pk")
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(FILL, {"count": int(count), "room": room.pk, "one": one.pk, "other": other.pk})
        ids = Message.objects.filter(room=room).order_by("pk").values_list("pk", flat=True)
        ChatRoom._base_manager.filter(pk=room.pk).update(last_message_id=ids.last())
    return int(ids[0])


if __name__ == "__main__":
    django.setup()
    if sys.argv[1:2] == ["add"]:
        sys.stdout.write(add(*sys.argv[2:]))
    elif sys.argv[1:2] == ["ban"]:
        ban(*sys.argv[2:])
    elif sys.argv[1:2] == ["fill"]:
        sys.stdout.write(str(fill(*sys.argv[2:])))
    else:
        sys.stdout.write(json.dumps(make()))
