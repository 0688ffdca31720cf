"""Whatever a page is asked for that nothing can be, it refuses: that is no fault of the server."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from django.test import Client, TestCase
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from rooms.models import ChatRoom, Membership, Message, Suspension
from tests.support_rooms import person

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

pytestmark = pytest.mark.databases

# More digits than a number of a database has; more than Python makes a number of.
WRONG = ("9" * 25, "9" * 5000, "\x00", "abc")
PART = re.compile(r"<(?:(\w+):)?\w+>")
OTHERS = re.compile(r"admin/(?:auth/|r/|\(|\^)")
"""The pages of Django's admin that are not about rooms."""

LISTS = {
    "apitoken": ("q", "o", "p"),
    "auditentry": ("deed", "actor", "person", "room", "sent_from", "sent_to", "older", "newer"),
    "chatroom": ("q", "o", "p", "visibility", "visibility__exact", "archived", "read_only__exact"),
    "message": ("q", "kind", "author", "room", "sent_from", "sent_to", "older", "newer"),
    "report": ("beyond",),
    "suspension": ("q", "o", "p"),
}
ACTIONS = {
    "apitoken": "delete_selected",
    "chatroom": "archive",
    "message": "redact_selected",
    "suspension": "let_in",
}


def paths(within: Iterable[Any], before: str = "") -> Iterator[str]:
    """Yield the patterns of the pages that are ours."""
    for one in within:
        path = before + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from paths(one.url_patterns, path)
        elif isinstance(one, URLPattern) and not OTHERS.match(path):
            yield path


class BadInput(TestCase):
    """An administrator asks, who comes everywhere."""

    def setUp(self) -> None:
        self.boss = person("boss", is_staff=True, is_superuser=True)
        self.room = ChatRoom.objects.get(slug="lobby")
        self.client = Client(raise_request_exception=False)
        self.client.force_login(self.boss)

    def holds(self, method: str, page: str, data: dict[str, Any] | None = None) -> Any:
        """Ask, and return the answer, which tells of no fault."""
        answer = getattr(self.client, method)(page, data)
        with self.subTest(asked=f"{method} {page[:80]} {str(data)[:120]}"):
            self.assertLess(answer.status_code, 500)
        return answer

    def page(self, name: str) -> str:
        return reverse(f"admin:rooms_chatroom_{name}", args=[self.room.pk])

    def test_in_a_path(self) -> None:
        found = [path for path in paths(get_resolver().url_patterns) if PART.search(path)]
        self.assertGreater(len(found), 30)
        for path in found:
            for wrong in map(quote, WRONG):
                given = wrong  # for a lambda of this round
                page = PART.sub(lambda part: "lobby" if part[1] == "slug" else given, path)  # noqa: B023
                self.holds("get", f"/{page}")
                self.holds("post", f"/{page}")

    def test_in_a_query(self) -> None:
        pages = {reverse(f"admin:rooms_{name}_changelist"): names for name, names in LISTS.items()} | {
            self.page("people"): ("after", "find", "kind"),
            self.page("conversation"): ("before", "after", "message", "day"),
            reverse("rooms:members", args=["lobby"]): ("after",),
            reverse("rooms:search"): ("q", "room", "author", "before"),
        }
        for page, names in pages.items():
            for name in names:
                for wrong in WRONG:
                    self.holds("get", page, {name: wrong})

    def test_as_what_is_ticked(self) -> None:
        Membership.objects.create(room=self.room, user=person("ana"))
        Message.objects.create(room=self.room, author=self.boss, body="x")
        Suspension.objects.create(user=person("ben"))
        for name, action in ACTIONS.items():
            for wrong in WRONG:
                ticked = {"action": action, "_selected_action": wrong, "reason": ""}
                self.holds("post", reverse(f"admin:rooms_{name}_changelist"), ticked)
        for wrong in WRONG:
            self.holds("post", self.page("people"), {"deed": "ban", "people": wrong, "reason": ""})
            self.holds("post", self.page("conversation"), {"deed": "ban", "messages": wrong, "reason": ""})
        self.assertEqual(Suspension.objects.count(), 1)

    def test_beside_what_is_ticked_rightly(self) -> None:
        ticked = {"action": "archive", "_selected_action": [*WRONG, self.room.pk]}
        self.client.post(reverse("admin:rooms_chatroom_changelist"), ticked)
        self.assertIsNotNone(ChatRoom.objects.get().archived_at)

    def test_as_who_is_suspended(self) -> None:
        for wrong in WRONG:
            page = self.holds("post", reverse("admin:rooms_suspension_add"), {"user": wrong, "reason": ""})
            self.assertContains(page, "errorlist")

    def test_as_somebody_in_a_room(self) -> None:
        for wrong in WRONG:
            self.holds("post", reverse("rooms:members", args=["lobby"]), {"do": "remove", "user": wrong})
