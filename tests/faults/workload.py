"""Writers who send again until they are answered, and readers who resume on any transport, at any server."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.faults.checker import TRY_AGAIN
from tests.faults.clients import PATIENCE_S, Answer, EventStream, Gone, NotWelcome, WebSocket, call
from tests.faults.history import (
    Acknowledged,
    Began,
    History,
    Looked,
    Message,
    Placed,
    Received,
    Refused,
    Sent,
    Unknown,
    WasReset,
)

TRANSPORTS = ("websocket", "sse", "longpoll")
LONGEST_POLL_S = 3
PAGE = 200
SETTLE_S = 40.0
REFUSED_FOR_NOW = frozenset({429, 502, 503})


async def until(holds: Callable[[], bool], limit_s: float) -> float:
    """Return how long it took in seconds until something held; at most about `limit_s`."""
    begun_s = time.monotonic()
    while not holds() and time.monotonic() - begun_s < limit_s:  # noqa: ASYNC110 (no event tells)
        await asyncio.sleep(0.02)
    return time.monotonic() - begun_s


class Broken(Exception):  # noqa: N818 (what a run ends with)
    """The workload could not go on: an answer that no client can act on."""


@dataclass(frozen=True)
class Plan:
    """How much is done: clients, how many sends a second each, and how patient readers are."""

    writers: int = 4
    readers: int = 6
    steady: int = 3
    """How many readers never hang up by themselves, by one transport each."""
    sends_a_second: float = 8.0
    body_repeats: int = 9
    """How long bodies are at most, in words."""
    catch_up_s: float = 20.0
    """How long, at the end, readers have to come to the end."""
    silence_s: float = 20.0
    """After so long without a word a reader resumes elsewhere; streams show every 15 s that they live."""


@dataclass
class Crowd:
    """All clients of a run. `doors` are the ports by which the servers are reached."""

    history: History
    doors: list[int]
    tokens: Sequence[str]
    rooms: Sequence[str]
    seed: int
    plan: Plan = field(default_factory=Plan)
    closes: Counter[int | None] = field(default_factory=Counter)
    readers: list[Reader] = field(default_factory=list)
    writing: bool = True
    reading: bool = True
    counter: Callable[[], int] = field(default_factory=lambda: itertools.count(1).__next__)

    def door(self, rng: random.Random) -> int:
        """Return where to knock next."""
        return rng.choice(self.doors)

    def __post_init__(self) -> None:
        """Have everybody awake."""
        self.awake = asyncio.Event()
        self.awake.set()
        self._asleep = 0
        self._group: asyncio.TaskGroup | None = None
        self._listening: list[asyncio.Task[None]] = []

    def join(self, readers: Sequence[Reader]) -> None:
        """Let more read."""
        assert self._group is not None
        self.readers += readers
        self._listening += [self._group.create_task(reader.run()) for reader in readers]

    @asynccontextmanager
    async def resting(self) -> AsyncIterator[None]:
        """Have nobody write, and nothing sent and unanswered, for the length of a block."""
        self.awake.clear()
        await until(lambda: self._asleep == self.plan.writers, SETTLE_S)
        try:
            yield
        finally:
            self.awake.set()

    async def rest(self) -> None:
        """Wait where everybody rests."""
        self._asleep += 1
        await self.awake.wait()
        self._asleep -= 1

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Write and read; on leaving, settle: all is answered, all is read, the log is read afresh.

        Raises:
            Broken: a client had to give up, or it could not be settled in time.
        """
        writers = [Writer(self, f"w{number}", self.seed) for number in range(self.plan.writers)]
        async with asyncio.TaskGroup() as group:
            self._group = group
            work = [group.create_task(writer.run()) for writer in writers]
            self.join([self._reader(number) for number in range(self.plan.readers)])
            try:
                yield
                await self.settle(work)
            finally:
                self.writing = self.reading = False
                for task in (*work, *self._listening):
                    task.cancel()

    def _reader(self, number: int) -> Reader:
        steady = number < self.plan.steady
        transports = (TRANSPORTS[number % len(TRANSPORTS)],) if steady else TRANSPORTS
        room = self.rooms[0] if steady else self.rooms[number % len(self.rooms)]
        return Reader(self, f"r{number}", room, self.seed, transports=transports, hang_up=not steady)

    async def settle(self, work: Sequence[asyncio.Task[None]]) -> None:
        """Have every send answered, read the logs afresh, and wait until every reader has come to the end."""
        self.writing = False
        _done, late = await asyncio.wait(work, timeout=SETTLE_S) if work else (set(), set())
        if late:
            raise Broken(f"{len(late)} writers were not answered within {SETTLE_S:.0f} s")
        for room in self.rooms:
            self.history.log[room] = await whole_log(self, room)
        ends = {room: messages[-1].id if messages else 0 for room, messages in self.history.log.items()}
        try:
            async with asyncio.timeout(self.plan.catch_up_s):
                for reader in self.readers:
                    await reader.at(ends[reader.room])
        except TimeoutError:
            pass  # the checker tells who lacks what
        self.history.live = {reader.name for reader in self.readers if not reader.left}


async def whole_log(crowd: Crowd, room: str) -> list[Message]:
    """Return a room's whole log, asked for until it is given."""
    rng = random.Random(crowd.seed)
    messages: list[Message] = []
    cursor, more = 0, True
    async with asyncio.timeout(SETTLE_S):
        while more:
            try:
                answer = await call(
                    crowd.door(rng),
                    "GET",
                    f"/api/rooms/{room}/messages?after={cursor}&limit={PAGE}",
                    token=crowd.tokens[1],
                )
            except Gone:
                await asyncio.sleep(0.1)
                continue
            if answer.status != 200:
                await asyncio.sleep(0.1)
                continue
            page = answer.json
            messages += [_message(one) for one in page["messages"]]
            cursor, more = page["last_id"], page["more"]
    return messages


def _message(told: dict[str, Any]) -> Message:
    return Message(told["id"], told["room"], told.get("nonce", ""), told.get("body", ""))


@dataclass
class _Pending:
    room: str
    nonce: str
    body: str


class Writer:
    """Sends bursts, in several rooms, by WebSocket or POST; what was not answered is sent again."""

    def __init__(self, crowd: Crowd, name: str, seed: int) -> None:
        """Take a name that its nonces begin with."""
        self._crowd = crowd
        self._history = crowd.history
        self._name = name
        self._rng = random.Random(f"{seed} {name}")
        self._token = self._rng.choice(list(crowd.tokens[1:]))
        self._numbers = itertools.count()
        self._pending: list[_Pending] = []

    async def run(self) -> None:
        """Send until told to stop, and then until all is answered."""
        while self._crowd.writing or self._pending:
            await self._crowd.rest()
            port = self._crowd.door(self._rng)
            way = self._by_websocket if self._rng.random() < 0.6 else self._by_post
            try:
                await way(port)
            except Gone as gone:
                if gone.code is not None:
                    self._crowd.closes[gone.code] += 1
                await asyncio.sleep(self._rng.uniform(0.02, 0.25))
            except NotWelcome as refused:
                if refused.status not in REFUSED_FOR_NOW:
                    raise Broken(f"{self._name}: an upgrade was answered with {refused.status}") from None
                await asyncio.sleep(self._rng.uniform(0.1, 0.5))

    def _refill(self, most: int) -> None:
        while self._crowd.writing and len(self._pending) < most:
            nonce = f"{self._name}-{next(self._numbers)}"
            room = self._rng.choice(list(self._crowd.rooms))
            words = self._rng.randrange(self._crowd.plan.body_repeats)
            self._pending.append(_Pending(room, nonce, f"{nonce} in {room}{' and on' * words}"))

    async def _rest(self, sends: int) -> None:
        pause_s = sends / self._crowd.plan.sends_a_second
        await asyncio.sleep(self._rng.uniform(0.5, 1.5) * pause_s if self._crowd.writing else 0.02)

    def _sent(self, one: _Pending, connection: str) -> None:
        self._history.add(Sent(self._history.now_s(), one.room, one.nonce, one.body, connection))

    def _acknowledged(self, nonce: str, key: int, connection: str) -> None:
        one = next((one for one in self._pending if one.nonce == nonce), None)
        if one is None:
            return
        self._history.add(Acknowledged(self._history.now_s(), one.room, nonce, key, connection))
        self._pending.remove(one)

    def _refused(self, nonce: str, code: str) -> None:
        one = next((one for one in self._pending if one.nonce == nonce), None)
        if one is None:
            return
        self._history.add(Refused(self._history.now_s(), one.room, nonce, code))
        if code not in TRY_AGAIN:
            self._pending.remove(one)

    def _unanswered(self, waiting: Sequence[str]) -> None:
        for one in self._pending:
            if one.nonce in waiting:
                self._history.add(Unknown(self._history.now_s(), one.room, one.nonce))

    async def _by_websocket(self, port: int) -> None:
        with await WebSocket.open(port, self._token) as socket:
            connection = f"{self._name}/{self._crowd.counter()}"
            for _burst in range(self._rng.randint(1, 6)):
                self._refill(self._rng.randint(1, 5))
                if not self._pending or not self._crowd.awake.is_set():
                    return
                await self._burst(socket, connection)

    async def _burst(self, socket: WebSocket, connection: str) -> None:
        """Send all that is pending, several in flight, and wait until each is answered once."""
        waiting = [one.nonce for one in self._pending]
        count = len(waiting)
        for one in self._pending:
            self._sent(one, connection)
            socket.send(type="send", room=one.room, body=one.body, nonce=one.nonce)
        try:
            while waiting:
                frame = await socket.receive(PATIENCE_S)
                if frame["type"] == "sent":
                    for one_sent in frame["sent"]:
                        self._acknowledged(one_sent["nonce"], one_sent["id"], connection)
                        waiting.remove(one_sent["nonce"])
                elif frame["type"] == "error" and "nonce" in frame:
                    self._refused(frame["nonce"], frame["code"])
                    waiting.remove(frame["nonce"])
        finally:
            self._unanswered(waiting)
        await self._rest(count)

    async def _by_post(self, port: int) -> None:
        self._refill(1)
        for one in list(self._pending):
            connection = f"{self._name}/{self._crowd.counter()}"
            self._sent(one, connection)
            try:
                answer = await call(
                    port,
                    "POST",
                    f"/api/rooms/{one.room}/messages",
                    token=self._token,
                    body={"body": one.body, "nonce": one.nonce},
                )
            except BaseException:
                self._unanswered([one.nonce])
                raise
            await self._answered(one, answer, connection, port)
        await self._rest(1)

    async def _answered(self, one: _Pending, answer: Answer, connection: str, port: int) -> None:
        if answer.status in {200, 201}:
            key = answer.json["id"]
            self._acknowledged(one.nonce, key, connection)
            if self._rng.random() < 0.2:
                await self._look(one.room, max(0, key - self._rng.randint(1, 60)), port)
            return
        self._refused(one.nonce, answer.json["code"])
        if answer.status in REFUSED_FOR_NOW:
            await asyncio.sleep(self._rng.uniform(0.05, 0.3))

    async def _look(self, room: str, after: int, port: int) -> None:
        began_s = self._history.now_s()
        path = f"/api/rooms/{room}/messages?after={after}&limit={PAGE}"
        answer = await call(port, "GET", path, token=self._token)
        if answer.status == 200:
            page = answer.json
            ids = tuple(one["id"] for one in page["messages"])
            reached = page["last_id"] if page["more"] else None
            self._history.add(Looked(self._history.now_s(), began_s, room, after, reached, ids))


class Reader:
    """Wants all of a room, and resumes after what it has, wherever and however the dice say."""

    def __init__(  # noqa: PLR0913 (each is a fact about one reader)
        self,
        crowd: Crowd,
        name: str,
        room: str,
        seed: int,
        *,
        transports: Sequence[str] = TRANSPORTS,
        hang_up: bool = True,
        doors: Sequence[int] = (),
        silence_s: float = 0.0,
        person: int | None = None,
    ) -> None:
        """Read a room from its beginning, by these transports, at these doors (else at all)."""
        self.name = name
        self.room = room
        self.cursor = 0
        self.epoch = ""
        self.resets = 0
        self.left: list[str] = []
        self.connected = False
        self.resumed_s: list[float] = []
        """How long each way back took: from the loss of a connection to the server's word where it is."""
        self._crowd = crowd
        self._history = crowd.history
        self._rng = random.Random(f"{seed} {name}")
        self._token = self._rng.choice(list(crowd.tokens[1:])) if person is None else crowd.tokens[person]
        self._doors = doors
        self._silence_s = silence_s or crowd.plan.silence_s
        self._transports = transports
        self._hang_up = hang_up
        self._connection = ""
        self._moved = asyncio.Condition()
        self._lost_s: float | None = None
        self._history.add(Began(self._history.now_s(), name, room, 0))

    async def at(self, last_id: int) -> None:
        """Return once the cursor is there."""
        async with self._moved:
            await self._moved.wait_for(lambda: self.cursor >= last_id or self.left)

    async def run(self) -> None:
        """Read on until told to stop."""
        while self._crowd.reading and not self.left:
            transport = self._rng.choice(list(self._transports))
            most = self._rng.randint(1, 40) if self._hang_up else 10**9
            self._connection = f"{self.name}/{self._crowd.counter()}/{transport}"
            try:
                port = self._rng.choice(list(self._doors)) if self._doors else self._crowd.door(self._rng)
                await self._read_by(transport, port, most)
            except Gone as gone:
                self._lost(gone.code, transport)
                await asyncio.sleep(self._rng.uniform(0.02, 0.25))
            except NotWelcome as refused:
                if refused.status not in REFUSED_FOR_NOW:
                    raise Broken(f"{self.name}: {transport} was answered with {refused.status}") from None
                await asyncio.sleep(self._rng.uniform(0.1, 0.4))
            finally:
                self.connected = False

    def _lost(self, code: int | None, transport: str) -> None:
        if transport == "websocket":
            self._crowd.closes[code] += 1
        if self._lost_s is None:
            self._lost_s = self._history.now_s()

    async def _read_by(self, transport: str, port: int, most: int) -> None:
        if transport == "websocket":
            await self._by_websocket(port, most)
        elif transport == "sse":
            await self._by_sse(port, most)
        else:
            await self._by_longpoll(port, most)

    # What it is told

    async def _placed(self, cursor: int, epoch: str = "") -> None:
        now_s = self._history.now_s()
        self._history.add(Placed(now_s, self.name, cursor, self._connection))
        self.connected = True
        if self._lost_s is not None:
            self.resumed_s.append(now_s - self._lost_s)
            self._lost_s = None
        self.epoch = epoch or self.epoch
        await self._move(max(self.cursor, cursor))

    async def _take(self, messages: list[dict[str, Any]]) -> int:
        for told in messages:
            message = _message(told)
            self._history.add(Received(self._history.now_s(), self.name, message, self._connection))
            await self._move(max(self.cursor, message.id))
        return len(messages)

    async def _reset(self, cursor: int, epoch: str) -> None:
        self._history.add(WasReset(self._history.now_s(), self.name, cursor, self._connection))
        self.resets += 1
        self.epoch = epoch
        await self._move(cursor)

    async def _move(self, cursor: int) -> None:
        self.cursor = cursor
        async with self._moved:
            self._moved.notify_all()

    @property
    def _resume(self) -> str:
        return f"after={self.cursor}" + (f"&epoch={self.epoch}" if self.epoch else "")

    # The three transports

    async def _by_websocket(self, port: int, most: int) -> None:
        with await WebSocket.open(port, self._token) as socket:
            epoch = {"epoch": self.epoch} if self.epoch else {}
            socket.send(type="join", room=self.room, after=self.cursor, **epoch)
            taken = 0
            while taken < most and self._crowd.reading:
                frame = await socket.receive(self._silence_s)
                match frame["type"]:
                    case "joined":
                        await self._placed(frame["after"], frame["epoch"])
                    case "messages":
                        await self._placed(frame["prev"])
                        taken += await self._take(frame["messages"])
                    case "reset":
                        await self._reset(frame["after"], frame["epoch"])
                    case "left":
                        self.left.append(frame["code"])
                        return
                    case "error":
                        raise Gone(str(frame))
                    case _:
                        pass

    async def _by_sse(self, port: int, most: int) -> None:
        path = f"/api/rooms/{self.room}/events?{self._resume}"
        with await EventStream.open(port, self._token, path) as stream:
            taken = 0
            while taken < most and self._crowd.reading:
                event, data = await stream.event(self._silence_s)
                match event:
                    case "hello":
                        await self._placed(data["after"], data["epoch"])
                    case "message":
                        taken += await self._take([data])
                    case "reset":
                        await self._reset(data["after"], data["epoch"])
                    case "left":
                        self.left.append(data["code"])
                        return
                    case _:
                        pass

    async def _by_longpoll(self, port: int, most: int) -> None:
        taken = 0
        while taken < most and self._crowd.reading:
            limit = self._rng.randint(1, 100)
            path = f"/api/rooms/{self.room}/messages?{self._resume}&limit={limit}&wait={LONGEST_POLL_S}"
            answer = await call(port, "GET", path, token=self._token, limit_s=LONGEST_POLL_S + PATIENCE_S)
            if answer.status == 409:
                await self._begin_anew(port)
                continue
            if answer.status != 200:
                raise NotWelcome(answer.status)
            page = answer.json
            taken += max(1, await self._take(page["messages"]))
            await self._placed(page["last_id"], page["epoch"])

    async def _begin_anew(self, port: int) -> None:
        """Do as a client does that is told `reset` by a poll: read the newest page."""
        answer = await call(port, "GET", f"/api/rooms/{self.room}/messages?limit=1", token=self._token)
        if answer.status != 200:
            raise NotWelcome(answer.status)
        page = answer.json
        await self._reset(page["last_id"], page["epoch"])
