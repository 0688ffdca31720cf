"""A chat as the tutorial of Django Channels has it, saving each message through the ORM before it is sent on.

DATABASE_URL's parts come as PG… variables (libpq's), the channel layer as CHANNEL_LAYER: memory or redis.
"""

from __future__ import annotations

import itertools
import json
import os
from typing import Any, ClassVar
from urllib.parse import parse_qs

import django
from django.conf import settings

LAYERS = {
    "memory": {"BACKEND": "channels.layers.InMemoryChannelLayer"},
    "redis": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [("127.0.0.1", 6379)]},
    },
}
settings.configure(
    SECRET_KEY="of a benchmark",  # noqa: S106 (nothing is signed with it)
    ALLOWED_HOSTS=["127.0.0.1"],
    INSTALLED_APPS=["channels"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": os.environ["PGDATABASE"],
            "CONN_MAX_AGE": None,
        }
    },
    USE_TZ=True,
    CHANNEL_LAYERS={"default": LAYERS[os.environ.get("CHANNEL_LAYER", "memory")]},
)
django.setup()

from channels.db import database_sync_to_async  # noqa: E402 (after the settings)
from channels.exceptions import StopConsumer  # noqa: E402
from channels.generic.http import AsyncHttpConsumer  # noqa: E402
from channels.generic.websocket import AsyncWebsocketConsumer  # noqa: E402
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from django.db import models  # noqa: E402
from django.urls import path  # noqa: E402
from django.utils import timezone  # noqa: E402

authors = itertools.count(1)


class Message(models.Model):
    """What was said."""

    id = models.BigAutoField(primary_key=True)
    room = models.TextField()
    author = models.BigIntegerField()
    body = models.TextField()
    nonce = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)
    objects: ClassVar[models.Manager[Message]] = models.Manager()

    class Meta:
        app_label = "peer"
        db_table = "messages"
        managed = False

    def __str__(self) -> str:
        """Return its text."""
        return self.body

    def told(self) -> str:
        """Return it as a frame."""
        created = self.created_at.isoformat()
        return json.dumps(
            {
                "type": "message",
                "id": self.id,
                "room": self.room,
                "author": self.author,
                "body": self.body,
                "created_at": created,
                "nonce": self.nonce,
            },
            separators=(",", ":"),
        )


@database_sync_to_async
def save(room: str, author: int, body: str, nonce: str) -> str:
    """Save a message and return its frame."""
    return Message.objects.create(room=room, author=author, body=body, nonce=nonce).told()


@database_sync_to_async
def after(room: str, cursor: int) -> list[str]:
    """Return the frames after a cursor."""
    return [row.told() for row in Message.objects.filter(room=room, id__gt=cursor).order_by("id")[:1000]]


@database_sync_to_async
def last_id(room: str) -> int:
    """Return the newest id of a room."""
    row = Message.objects.filter(room=room).order_by("-id").only("id").first()
    return row.id if row else 0


class Socket(AsyncWebsocketConsumer):
    """One WebSocket."""

    async def connect(self) -> None:
        """Accept everybody."""
        self.author = next(authors)
        self.groups_joined: set[str] = set()
        await self.accept()

    async def disconnect(self, code: int) -> None:
        """Leave the groups."""
        for group in self.groups_joined:
            await self.channel_layer.group_discard(group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """Take a command."""
        command = json.loads(text_data or "{}")
        room = command["room"]
        if command["type"] == "send":
            data = await save(room, self.author, command["body"], command["nonce"])
            await self.channel_layer.group_send(room, {"type": "chat.message", "data": data})
            return
        self.groups_joined.add(room)
        await self.channel_layer.group_add(room, self.channel_name)
        cursor = command.get("after")
        last = await last_id(room) if cursor is None else cursor
        frame = {"type": "joined", "room": room, "last_id": last}
        await self.send(text_data=json.dumps(frame, separators=(",", ":")))
        if cursor is not None:
            for data in await after(room, cursor):
                await self.send(text_data=data)

    async def chat_message(self, event: dict[str, Any]) -> None:
        """Send a message on."""
        await self.send(text_data=event["data"])


class Poll(AsyncHttpConsumer):
    """One long poll, as Channels' page on its HTTP consumers has it."""

    headers: ClassVar = [(b"Content-Type", b"application/json")]

    async def handle(self, body: bytes) -> None:
        """Answer at once, or stay until there is something."""
        query = parse_qs(self.scope["query_string"].decode())
        self.room = query["room"][0]
        await self.channel_layer.group_add(self.room, self.channel_name)
        if missed := await after(self.room, int(query["after"][0])):
            await self.send_response(200, f"[{','.join(missed)}]".encode(), headers=self.headers)

    async def http_request(self, message: dict[str, Any]) -> None:
        """Stay, where nothing was answered: the consumer of Channels itself ends here."""
        self.body.append(message.get("body", b""))
        if not message.get("more_body"):
            await self.handle(b"".join(self.body))

    async def chat_message(self, event: dict[str, Any]) -> None:
        """Answer."""
        await self.channel_layer.group_discard(self.room, self.channel_name)
        await self.send_response(200, f"[{event['data']}]".encode(), headers=self.headers)
        raise StopConsumer


application = ProtocolTypeRouter(
    {
        "http": URLRouter([path("poll", Poll.as_asgi())]),
        "websocket": URLRouter([path("ws", Socket.as_asgi())]),
    }
)
