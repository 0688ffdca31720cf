"""Readers that resume after the last id they have seen, on whatever transport the dice say."""

from __future__ import annotations

import random
import threading
from contextlib import closing
from http.client import HTTPException
from typing import Any

from tests.system.http import Api
from tests.system.websocket import Closed, Refused, WebSocket

TRANSPORTS = ("websocket", "sse", "longpoll")
WAIT_S = 60


class Anomaly(AssertionError):  # noqa: N818 (a broken promise of the server, not an error here)
    """The server broke a promise of the protocol."""


class Reader(threading.Thread):
    """Collects a room's messages until it has as many as it is to have, or is told to stop.

    It hangs up by itself after a few messages and goes on by another transport, and it goes on as well
    when the server hangs up or is not there.
    """

    def __init__(  # noqa: PLR0913 (each is a fact about one reader)
        self,
        port: int,
        token: str,
        room: str,
        *,
        transports: tuple[str, ...] = TRANSPORTS,
        after: int = 0,
        seed: int = 0,
        hang_up: bool = True,
    ) -> None:
        """Read after a cursor by these transports."""
        super().__init__(daemon=True)
        self.messages: list[dict[str, Any]] = []
        self.failure: BaseException | None = None
        self._port, self._token, self._room = port, token, room
        self._api = Api(port, token)
        self._cursor = after
        self._epoch = ""
        self._rng = random.Random(seed)
        self._transports = transports
        self._hang_up = hang_up
        self._enough = threading.Condition()
        self._stopping = False

    def wait_until(self, last_id: int) -> list[dict[str, Any]]:
        """Return all messages once the one with this id has come; the reader stops then."""
        with self._enough:
            came = self._enough.wait_for(lambda: self.failure or self._cursor >= last_id, WAIT_S)
        self._stopping = True
        if self.failure:
            raise self.failure
        if not came:
            raise Anomaly(f"never received: {self._cursor} is the last, {last_id} was acknowledged")
        return list(self.messages)

    def run(self) -> None:
        """Read on until told to stop."""
        try:
            while not self._stopping:
                transport = self._rng.choice(self._transports)
                most = self._rng.randint(1, 30) if self._hang_up else 10**9
                try:
                    getattr(self, f"_by_{transport}")(most)
                except (OSError, HTTPException, Closed):
                    continue
                except Refused as refused:
                    if refused.status != 503:
                        raise
        except BaseException as failure:  # noqa: BLE001 (raised by wait_until)
            with self._enough:
                self.failure = failure
                self._enough.notify_all()

    def _take(self, messages: list[dict[str, Any]]) -> None:
        for message in messages:
            if message["id"] <= self._cursor:
                raise Anomaly(f"doubled or out of order: {message['id']} after {self._cursor}")
            if message["room"] != self._room:
                raise Anomaly(f"from another room: {message}")
            self._cursor = message["id"]
            self.messages.append(message)
        with self._enough:
            self._enough.notify_all()

    def _by_websocket(self, most: int) -> None:
        with WebSocket(self._port, token=self._token) as socket:
            socket.send(type="join", room=self._room, after=self._cursor)
            taken = 0
            while taken < most and not self._stopping:
                frame = socket.receive_type("messages", "joined", "reset", "left", "error")
                if frame["type"] == "joined":
                    self._expect(frame["after"])
                elif frame["type"] == "messages":
                    self._expect(frame["prev"])
                    self._take(frame["messages"])
                    taken += len(frame["messages"])
                elif frame.get("code") == "unavailable":
                    return  # the server goes, and says so before it closes
                else:
                    raise Anomaly(str(frame))

    def _expect(self, cursor: int) -> None:
        if cursor != self._cursor:
            raise Anomaly(f"skipped: the server goes on from {cursor}, this reader is at {self._cursor}")

    def _by_sse(self, most: int) -> None:
        with closing(self._api.stream(self._room, last_event_id=self._cursor)) as stream:
            if stream.response.status != 200:
                if stream.response.status == 503:
                    return
                raise Anomaly(f"the stream was refused: {stream.response.status}")
            taken = 0
            for event, key, data in stream:
                if event == "hello":
                    self._expect(data["after"])
                elif event == "message":
                    if key != data["id"]:
                        raise Anomaly(f"id {key} on message {data['id']}")
                    self._take([data])
                    taken += 1
                else:
                    raise Anomaly(f"{event}: {data}")
                if taken >= most or self._stopping:
                    return

    def _by_longpoll(self, most: int) -> None:
        taken = 0
        while taken < most and not self._stopping:
            limit = self._rng.randint(1, 50)
            path = f"/api/rooms/{self._room}/messages?after={self._cursor}&limit={limit}&wait=2"
            answer = self._api.call("GET", path)
            if answer.status == 503:
                return
            if answer.status != 200:
                raise Anomaly(str(answer))
            page = answer.json
            self._take(page["messages"])
            self._expect(page["last_id"])
            taken += max(1, len(page["messages"]))
