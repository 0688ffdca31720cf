"""The HTTP side of a client: calls of the API, event streams, sends that are retried until answered."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any

TIMEOUT_S = 20


@dataclass(frozen=True)
class Answer:
    """A status and what was said."""

    status: int
    body: bytes
    headers: dict[str, str]

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Api:
    """Calls of the API by one user; each on a connection of its own."""

    def __init__(self, port: int, token: str = "") -> None:
        """Take the server's port and the user's token ("": a guest)."""
        self._port = port
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def call(
        self, method: str, path: str, body: object = None, *, headers: dict[str, str] | None = None
    ) -> Answer:
        """Make a call. A body of bytes goes as it is, any other as JSON."""
        sent = {**self.headers, **(headers or {})}
        data = body
        if body is not None and not isinstance(body, bytes):
            data = json.dumps(body).encode()
            sent.setdefault("Content-Type", "application/json")
        with closing(HTTPConnection("127.0.0.1", self._port, timeout=TIMEOUT_S)) as connection:
            connection.request(method, path, body=data, headers=sent)  # type: ignore[arg-type]
            response = connection.getresponse()
            return Answer(response.status, response.read(), {k.lower(): v for k, v in response.getheaders()})

    def send(self, room: str, body: str, nonce: str) -> dict[str, Any]:
        """Send a message again and again until it is answered for good, and return it."""
        while True:
            try:
                answer = self.call("POST", f"/api/rooms/{room}/messages", {"body": body, "nonce": nonce})
            except (OSError, HTTPException):
                continue
            if answer.status in {200, 201}:
                message: dict[str, Any] = answer.json
                return message
            assert answer.status == 503, answer

    def page(self, room: str, query: str) -> dict[str, Any]:
        """Return a page of a room's log."""
        answer = self.call("GET", f"/api/rooms/{room}/messages?{query}")
        assert answer.status == 200, answer
        page: dict[str, Any] = answer.json
        return page

    def history(self, room: str) -> list[dict[str, Any]]:
        """Return the whole log of a room."""
        messages: list[dict[str, Any]] = []
        cursor, more = 0, True
        while more:
            page = self.page(room, f"after={cursor}&limit=200")
            messages += page["messages"]
            cursor, more = page["last_id"], page["more"]
        return messages

    def stream(self, room: str, query: str = "", last_event_id: int | None = None) -> EventStream:
        """Open the event stream of a room."""
        return EventStream(self, self._port, f"/api/rooms/{room}/events?{query}", last_event_id)


class EventStream:
    """Server-Sent Events, as (event, id, data)."""

    def __init__(self, api: Api, port: int, path: str, last_event_id: int | None) -> None:
        """Ask for the stream."""
        self._connection = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
        resume = {} if last_event_id is None else {"Last-Event-ID": str(last_event_id)}
        self._connection.request("GET", path, headers={**api.headers, **resume})
        self.response: HTTPResponse = self._connection.getresponse()

    def close(self) -> None:
        """Hang up."""
        self.response.close()
        self._connection.close()

    def __iter__(self) -> Iterator[tuple[str, int | None, Any]]:
        """Yield events until the stream ends."""
        fields: dict[str, str] = {}
        for raw in self.response:
            line = raw.decode().rstrip("\n")
            if not line:
                if "data" in fields:
                    key = int(fields["id"]) if "id" in fields else None
                    yield fields.get("event", "message"), key, json.loads(fields["data"])
                fields = {}
            elif not line.startswith(":"):
                name, _colon, value = line.partition(": ")
                fields[name] = value
