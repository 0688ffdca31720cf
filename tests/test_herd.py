"""Everybody comes back at once: it costs the database queries for each room, not for each client."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections
from django.db.backends.signals import connection_created
from twisted.internet.defer import Deferred, gatherResults

from rooms.accounts import issue_token
from rooms.log import append
from rooms.messages import Draft, Kind, new_nonce
from tests.support_rooms import person
from tests.support_service import ServiceCase, Talker

pytestmark = pytest.mark.databases

CLIENTS = 200
MESSAGES = 100


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count the queries of connections made from now on, by the table that they begin with."""
    found: Counter[str] = Counter()

    def note(execute: Any, sql: str, params: Any, many: Any, context: Any) -> Any:
        table = sql.partition(' FROM "')[2].partition('"')[0]
        found[table or sql.split(maxsplit=1)[0]] += 1
        return execute(sql, params, many, context)

    def watch(connection: Any, **_kwargs: Any) -> None:
        connection.execute_wrappers.append(note)

    connection_created.connect(watch)
    try:
        yield found
    finally:
        connection_created.disconnect(watch)


class TestHerd(ServiceCase):
    """200 people whose sockets join one room, at fifty different places of its newest messages."""

    async def test_resumes_cost_queries_for_a_room_not_for_each_client(self) -> None:
        people = [person(f"p{number}") for number in range(CLIENTS)]
        tokens = [issue_token(one, "herd") for one in people]
        ids = []
        for number in range(MESSAGES):
            author = people[number % CLIENTS].pk
            (outcome,) = append([Draft("lobby", Kind.MESSAGE, author, new_nonce(), f"m{number}")]).outcomes
            ids.append(outcome.posted.id)  # type: ignore[union-attr]
        connections.close_all()
        with counted() as queries:
            await self.start()
            talkers = [await self.connect() for _one in range(CLIENTS)]
            queries.clear()
            resumed = [
                Deferred.fromCoroutine(self._resume(talker, token, ids[40 + number % 50], ids[-1]))
                for number, (talker, token) in enumerate(zip(talkers, tokens, strict=True))
            ]
            for counts in await gatherResults(resumed):
                assert counts == 1, "what it missed, in one frame"

        assert queries["rooms_message"] <= 12, queries
        assert queries.total() <= CLIENTS, queries

    async def _resume(self, talker: Talker, token: str, after: int, head: int) -> int:
        """Join after a cursor, and return how many frames brought all up to the head."""
        upgrade: dict[str, Any] = {
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version": "13",
        }
        talker.ask("GET", "/ws", Authorization=f"Bearer {token}", **upgrade)
        await talker.hears(b'"hello"', self.reactor)
        socket = talker.socket()
        socket.send({"type": "join", "room": "lobby", "after": after})
        await talker.hears(b'"id":%d,"room"' % head, self.reactor)
        frames = [frame for frame in socket.told() if frame["type"] == "messages"]
        got = [message["id"] for frame in frames for message in frame["messages"]]
        assert got[0] > after
        assert got == sorted(set(got))
        return len(frames)
