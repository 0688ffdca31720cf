"""The one rule about who may see, post and moderate: every standing in every kind of room."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.test import TestCase
from django.utils import timezone

from rooms import permissions
from rooms.messages import Access, Code
from rooms.models import Ban, ChatRoom, Membership
from rooms.permissions import GUEST, Standing, access, who_may
from tests.support_rooms import LOBBY, person

PUBLIC = ChatRoom(slug="r", visibility=ChatRoom.Visibility.PUBLIC)
OPEN = ChatRoom(slug="r", open_to_guests=True)
PRIVATE = ChatRoom(slug="r", visibility=ChatRoom.Visibility.PRIVATE, open_to_guests=True)
DIRECT = ChatRoom(slug="r", visibility=ChatRoom.Visibility.DIRECT, open_to_guests=True)
READ_ONLY = ChatRoom(slug="r", read_only=True)
ARCHIVED = ChatRoom(slug="r", archived_at=timezone.now())

ANYBODY = Standing(known=True)
MEMBER = Standing(known=True, role="member")
MODERATOR = Standing(known=True, role="moderator")
OWNER = Standing(known=True, role="owner")
STAFF = Standing(known=True, staff=True)
BANNED = Standing(known=True, banned=True)
BANNED_MODERATOR = Standing(known=True, role="moderator", banned=True)
BANNED_OWNER = Standing(known=True, role="owner", banned=True)
MUTED = Standing(known=True, role="member", muted=True)
MUTED_MODERATOR = Standing(known=True, role="moderator", muted=True)
MUTED_STAFF = Standing(known=True, staff=True, muted=True)

ALL, OWNS = "see post moderate", "see post moderate manage"
WRITER, READER, KEEPER, KEEPS = "see post", "see", "see moderate", "see moderate manage"
NOT_FOUND, FORBIDDEN, LOG_IN = Code.NOT_FOUND, Code.FORBIDDEN, Code.NOT_AUTHENTICATED
STANDINGS = [
    GUEST, ANYBODY, MEMBER, MODERATOR, OWNER, STAFF,
    BANNED, BANNED_MODERATOR, BANNED_OWNER, MUTED, MUTED_MODERATOR, MUTED_STAFF,
]  # fmt: skip
OUT, OUT_UNTOLD = [FORBIDDEN] * 3, [NOT_FOUND] * 3
SILENT = [READER, KEEPER, OWNS]
CASES = [
    (PUBLIC, [LOG_IN, WRITER, WRITER, ALL, OWNS, OWNS, *OUT, *SILENT]),
    (OPEN, [READER, WRITER, WRITER, ALL, OWNS, OWNS, *OUT, *SILENT]),
    (PRIVATE, [NOT_FOUND, NOT_FOUND, WRITER, ALL, OWNS, OWNS, *OUT_UNTOLD, *SILENT]),
    (DIRECT, [NOT_FOUND, NOT_FOUND, WRITER, ALL, OWNS, OWNS, *OUT_UNTOLD, *SILENT]),
    (READ_ONLY, [LOG_IN, READER, READER, ALL, OWNS, OWNS, *OUT, *SILENT]),
    (ARCHIVED, [LOG_IN, READER, READER, KEEPER, KEEPS, KEEPS, *OUT, READER, KEEPER, KEEPS]),
]


@pytest.mark.parametrize(
    ("room", "row"), CASES, ids=["public", "open", "private", "direct", "read-only", "archived"]
)
def test_who_may_do_what(room: ChatRoom, row: list[str | Code]) -> None:
    for standing, expected in zip(STANDINGS, row, strict=True):
        if isinstance(expected, Code):
            wanted = Access(see=False, post=False, moderate=False, refusal=expected)
        else:
            may = expected.split()
            wanted = Access(
                see="see" in may, post="post" in may, moderate="moderate" in may, manage="manage" in may
            )
        assert access(room, standing) == wanted, standing


@pytest.mark.databases
class WhoMay(TestCase):
    """The rule over what the database holds."""

    def test_readers_by_their_memberships_and_bans_in_force(self) -> None:
        lobby = ChatRoom.objects.get(slug=LOBBY)
        ana, ben, cleo, dan = (person(name) for name in ("ana", "ben", "cleo", "dan"))
        Membership.objects.create(room=lobby, user=ana, role=Membership.Role.MODERATOR)
        Ban.objects.create(room=lobby, user=ben)
        Ban.objects.create(room=lobby, user=cleo, until=timezone.now() - timedelta(seconds=1))
        dan.is_active = False
        dan.save()
        versions, may = who_may(LOBBY, [None, ana.pk, ben.pk, cleo.pk, dan.pk])
        self.assertEqual([may[u.pk].see for u in (ana, ben, cleo, dan)], [True, False, True, False])
        self.assertTrue(may[ana.pk].moderate)
        self.assertEqual(may[None].refusal, Code.NOT_AUTHENTICATED)
        self.assertEqual(versions.room, ChatRoom.objects.get(slug=LOBBY).access_version)

    def test_a_ban_that_comes_in_between_is_newer_than_the_versions_told(self) -> None:
        """Else rights read before the ban would count as judged by it."""
        lobby, ana = ChatRoom.objects.get(slug=LOBBY), person("ana")
        real = permissions.standings

        def then_banned(*asked: Any) -> Any:
            found = real(*asked)
            Ban.objects.create(room=lobby, user=ana)
            return found

        with patch.object(permissions, "standings", then_banned):
            versions, may = who_may(LOBBY, [ana.pk])
        self.assertTrue(may[ana.pk].see)
        self.assertLess(versions.room, ChatRoom.objects.get(slug=LOBBY).access_version)

    def test_nobody_may_do_anything_in_a_room_that_is_not_there(self) -> None:
        ana = person("ana")
        self.assertEqual(who_may("nowhere", [ana.pk])[1][ana.pk].refusal, Code.NOT_FOUND)
