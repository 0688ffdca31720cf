"""Finds in a history what the protocol promises never to happen.

After Jepsen's set-full (what was acknowledged is in every read that begins later) and its workload for Kafka
(no reader passes over what the log holds, gets it twice, or out of order).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise

from tests.faults.history import (
    Acknowledged,
    Began,
    Event,
    History,
    Looked,
    Message,
    Placed,
    Received,
    Refused,
    Restored,
    Sent,
    Unknown,
    WasReset,
)

TRY_AGAIN = frozenset({"unavailable", "rate_limited"})
"""Refusals that leave open whether it is, or will be, stored."""

Key = tuple[str, str]


class Kind(Enum):
    """What can go wrong."""

    LOST = "acknowledged, and not in the log at the end"
    ABSENT = "acknowledged, and absent from a page that was asked for later"
    DOUBLED = "one send stored twice, or one message given twice to a reader"
    DISORDERED = "out of order: to a reader, in the log, or as one connection sent it"
    SKIPPED = "a reader was led past a message that the log holds"
    PHANTOM = "in the log, or given to a reader, and never sent or not in the log"
    UNRECEIVED = "never given to a reader who read to the end"
    REFUSED_PRESENT = "refused for good, and stored"
    ALTERED = "stored or given with another body, or in another room"
    RESET = "a reader was made to begin anew, and nothing had been restored"


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One broken promise."""

    kind: Kind
    told: str


def check(history: History) -> list[Anomaly]:
    """Return every anomaly of a history."""
    facts = _Facts(history)
    return [
        *_log(history, facts),
        *_sends(history, facts),
        *_order_of_sends(history, facts),
        *_looks(history, facts),
        *(found for reader in facts.readers.values() for found in _reader(reader, history, facts)),
    ]


def summary(anomalies: list[Anomaly]) -> str:
    """Return how many there are of each kind."""
    kinds = Counter(anomaly.kind.name.lower().replace("_", " ") for anomaly in anomalies)
    return ", ".join(f"{number} {kind}" for kind, number in kinds.most_common()) or "0"


class _Facts:
    """A history, looked up by what the checks ask."""

    def __init__(self, history: History) -> None:
        self.bodies: dict[Key, str] = {}
        self.attempts: dict[Key, list[Sent]] = defaultdict(list)
        self.acknowledged: dict[Key, list[Acknowledged]] = defaultdict(list)
        self.doubtful: set[Key] = set()
        self.refused: dict[Key, Refused] = {}
        self.readers: dict[str, list[Event]] = defaultdict(list)
        self.restored_s: float | None = None
        for event in history:
            self._take(event)
        self.stored: dict[Key, list[Message]] = defaultdict(list)
        self.by_id: dict[tuple[str, int], Message] = {}
        for messages in history.log.values():
            for message in messages:
                self.stored[message.room, message.nonce].append(message)
                self.by_id[message.room, message.id] = message
        self.ids = {room: sorted({one.id for one in messages}) for room, messages in history.log.items()}

    def _take(self, event: Event) -> None:
        match event:
            case Sent(room=room, nonce=nonce):
                self.bodies.setdefault((room, nonce), event.body)
                self.attempts[room, nonce].append(event)
            case Acknowledged(room=room, nonce=nonce):
                self.acknowledged[room, nonce].append(event)
            case Unknown(room=room, nonce=nonce):
                self.doubtful.add((room, nonce))
            case Refused(room=room, nonce=nonce) if event.code in TRY_AGAIN:
                self.doubtful.add((room, nonce))
            case Refused(room=room, nonce=nonce) if (room, nonce) not in self.doubtful:
                self.refused[room, nonce] = event
            case Began() | Placed() | Received() | WasReset():
                self.readers[event.reader].append(event)
            case Restored():
                self.restored_s = event.at_s
            case _:
                pass

    def excused(self, at_s: float) -> bool:
        """Whether what was acknowledged then may be gone, since an older state was restored."""
        return self.restored_s is not None and at_s <= self.restored_s

    def between(self, room: str, after: int, before: int) -> list[int]:
        """Return the ids that the log holds strictly between two."""
        ids = self.ids.get(room, [])
        return ids[bisect_right(ids, after) : bisect_left(ids, before)]


def _log(history: History, facts: _Facts) -> Iterator[Anomaly]:
    """Judge the log as it was read at the end."""
    for room, messages in history.log.items():
        ids = [message.id for message in messages]
        for before, after in pairwise(ids):
            if after <= before:
                kind = Kind.DOUBLED if after == before else Kind.DISORDERED
                yield Anomaly(kind, f"the log of {room} has {after} after {before}")
        for message in messages:
            yield from _as_sent(message, f"the log of {room}", facts)
            if message.room != room:
                yield Anomaly(Kind.ALTERED, f"the log of {room} holds {message}")
    for (room, nonce), stored in facts.stored.items():
        if len({message.id for message in stored}) > 1:
            yield Anomaly(Kind.DOUBLED, f"{room}/{nonce} is stored as {[one.id for one in stored]}")
        if (room, nonce) in facts.refused and (room, nonce) not in facts.acknowledged:
            refused = facts.refused[room, nonce]
            yield Anomaly(
                Kind.REFUSED_PRESENT, f"{room}/{nonce} is {stored[0].id}, and was refused: {refused.code}"
            )


def _as_sent(message: Message, where: str, facts: _Facts) -> Iterator[Anomaly]:
    body = facts.bodies.get((message.room, message.nonce))
    if body is not None:
        if body != message.body:
            yield Anomaly(Kind.ALTERED, f"{where} has {message}, sent was {body!r}")
        return
    elsewhere = any(nonce == message.nonce for _room, nonce in facts.bodies)
    yield Anomaly(Kind.ALTERED if elsewhere else Kind.PHANTOM, f"{where} has {message}, which nobody sent")


def _sends(history: History, facts: _Facts) -> Iterator[Anomaly]:
    """Judge what was acknowledged."""
    for (room, nonce), told in facts.acknowledged.items():
        standing = [one for one in told if not facts.excused(one.at_s)]
        ids = {one.id for one in standing}
        if len(ids) > 1:
            yield Anomaly(Kind.DOUBLED, f"{room}/{nonce} was acknowledged as {sorted(ids)}")
        stored = {message.id for message in facts.stored.get((room, nonce), ())}
        for key in ids - stored:
            yield Anomaly(Kind.LOST, f"{room}/{nonce} was acknowledged as {key}, stored is {sorted(stored)}")


def _order_of_sends(history: History, facts: _Facts) -> Iterator[Anomaly]:
    """Judge the order of what one connection sent into one room and needed to send once only."""
    newest: dict[tuple[str, str], tuple[int, str]] = {}
    for event in history:
        if not isinstance(event, Sent):
            continue
        key = (event.room, event.nonce)
        told = facts.acknowledged.get(key, ())
        if len(facts.attempts[key]) != 1 or len(told) != 1 or told[0].connection != event.connection:
            continue
        if facts.excused(told[0].at_s):
            continue
        before, nonce = newest.get((event.connection, event.room), (0, ""))
        if told[0].id <= before:
            yield Anomaly(
                Kind.DISORDERED,
                f"{event.connection} sent {nonce} before {event.nonce}; they are {before} and {told[0].id}",
            )
        newest[event.connection, event.room] = max((before, nonce), (told[0].id, event.nonce))


def _looks(history: History, facts: _Facts) -> Iterator[Anomaly]:
    """Judge pages: what was acknowledged before one was asked for is in it."""
    told: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for event in history:
        if isinstance(event, Acknowledged):
            told[event.room].append((event.at_s, event.id))
    for event in history:
        if not isinstance(event, Looked):
            continue
        held = set(event.ids)
        for at_s, key in told[event.room]:
            if at_s >= event.began_s:
                break
            within = key > event.after and (event.reached is None or key <= event.reached)
            if within and key not in held and not facts.excused(at_s):
                yield Anomaly(Kind.ABSENT, f"{key} is not in the page of {event.room} after {event.after}")


@dataclass
class _Walk:
    """One reader's way through a room."""

    name: str
    room: str
    cursor: int
    seen: set[int] = field(default_factory=set)

    def past(self, before: int, facts: _Facts) -> Iterator[Anomaly]:
        """Name what lies between the cursor and `before`, which the reader is led past."""
        for key in facts.between(self.room, self.cursor, before):
            yield Anomaly(Kind.SKIPPED, f"{self.name} was led from {self.cursor} past {key}")


def _reader(events: list[Event], history: History, facts: _Facts) -> Iterator[Anomaly]:
    """Judge what one reader was given."""
    first = events[0]
    assert isinstance(first, Began)
    walk = _Walk(first.reader, first.room, first.cursor)
    resets = [place for place, event in enumerate(events) if isinstance(event, WasReset)]
    last_reset = resets[-1] if resets and facts.restored_s is not None else -1
    for place, event in enumerate(events):
        of_this_log = place > last_reset
        match event:
            case Placed():
                if of_this_log:
                    yield from walk.past(event.cursor + 1, facts)
                walk.cursor = max(walk.cursor, event.cursor)
            case Received():
                yield from _given(walk, event.message, facts, of_this_log=of_this_log)
            case WasReset():
                if facts.restored_s is None:
                    yield Anomaly(Kind.RESET, f"{walk.name} at {walk.cursor}, to {event.cursor}")
                walk = _Walk(walk.name, walk.room, event.cursor)
            case _:
                pass
    if walk.name in history.live:
        ids = facts.ids.get(walk.room, [])
        for key in ids[bisect_right(ids, walk.cursor) :]:
            yield Anomaly(Kind.UNRECEIVED, f"{walk.name} ended at {walk.cursor}, without {key}")


def _given(walk: _Walk, message: Message, facts: _Facts, *, of_this_log: bool) -> Iterator[Anomaly]:
    yield from _as_sent(message, walk.name, facts)
    if message.room != walk.room:
        yield Anomaly(Kind.ALTERED, f"{walk.name} reads {walk.room} and was given {message}")
        return
    if message.id in walk.seen:
        yield Anomaly(Kind.DOUBLED, f"{walk.name} was given {message.id} twice")
    elif message.id <= walk.cursor:
        yield Anomaly(Kind.DISORDERED, f"{walk.name} at {walk.cursor} was given {message.id}")
    elif of_this_log:
        yield from walk.past(message.id, facts)
    walk.cursor = max(walk.cursor, message.id)
    walk.seen.add(message.id)
    if of_this_log:
        stored = facts.by_id.get((message.room, message.id))
        if stored is None:
            yield Anomaly(Kind.PHANTOM, f"{walk.name} was given {message}, which the log does not hold")
        elif stored.nonce != message.nonce:
            yield Anomaly(Kind.ALTERED, f"{walk.name} was given {message}, the log holds {stored}")
