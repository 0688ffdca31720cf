"""A site with an administrator, for tests of the admin."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import Permission, User
from django.contrib.messages import get_messages
from django.db import connection
from django.test import TestCase
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from rooms import signals
from rooms.messages import Posted, RoomBatch
from rooms.models import ChatRoom, Message

LIST = "admin:rooms_message_changelist"


def page_of(message: Message, what: str = "change") -> str:
    return reverse(f"admin:rooms_message_{what}", args=[message.pk])


class AdminCase(TestCase):
    """A site with a lobby, a writer, and an administrator who is logged in."""

    room: ClassVar[ChatRoom]
    ana: ClassVar[User]
    boss: ClassVar[User]

    @classmethod
    def setUpTestData(cls) -> None:
        cls.room = ChatRoom.objects.get(slug="lobby")
        cls.ana = User.objects.create_user("ana", password="of ana")
        cls.boss = User.objects.create_superuser("boss", password="of boss")

    def setUp(self) -> None:
        self.client.force_login(self.boss)

    def said(self, *bodies: str, room: ChatRoom | None = None, author: User | None = None) -> list[Message]:
        return [
            Message.objects.create(room=room or self.room, author=author or self.ana, body=body)
            for body in bodies
        ]

    def staff(self, *codenames: str) -> User:
        """Log somebody of the staff in who has these permissions alone."""
        user = User.objects.create_user("moderator", password="of moderator", is_staff=True)
        user.user_permissions.set(
            Permission.objects.filter(content_type__app_label="rooms", codename__in=codenames)
        )
        assert user.user_permissions.count() == len(codenames)
        self.client.force_login(user)
        return user

    def listed(self, **parameters: str | int) -> list[int]:
        """Return the ids that the list shows, having asserted that the page is one of it."""
        response = self.client.get(reverse(LIST), parameters)
        self.assertEqual(response.status_code, 200, response)
        return [message.pk for message in response.context["cl"].result_list]

    # What came of it

    def told(self, response: Any) -> str:
        """Return what the page says was done, or refused."""
        return " ".join(str(message) for message in get_messages(response.wsgi_request))

    def heard(self) -> Heard:
        """Return what a live reader hears from now on."""
        heard = Heard()
        signals.committed.connect(heard.hear)
        self.addCleanup(signals.committed.disconnect, heard.hear)
        return heard

    def queries(self, url: str, parameters: dict[str, Any] | None = None) -> list[str]:
        """Return the statements that a page takes, having asserted that it is shown."""
        with CaptureQueriesContext(connection) as queries:
            self.assertEqual(self.client.get(url, parameters).status_code, 200)
        return [query["sql"] for query in queries]


class Heard:
    """What the log told after its commits."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.messages: list[Posted] = []

    def hear(self, batches: tuple[RoomBatch, ...], **_rest: Any) -> None:
        """Take a commit."""
        self.messages += [message for batch in batches for message in batch.messages]

    @property
    def events(self) -> list[str]:
        """Return the events of the notices, in order."""
        return [message.notice.event.value for message in self.messages if message.notice is not None]
