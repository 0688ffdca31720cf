"""What clients did and what they were told, in the order in which it happened to them.

After Jepsen: a send is invoked, and then acknowledged, refused, or its outcome stays unknown. Times are
seconds of one monotonic clock. A reader is one who wants a whole room and resumes after its cursor,
whatever the connection; a look is a page that somebody read afresh.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sent:
    """An attempt to send. The same nonce again is the same send, tried again."""

    at_s: float
    room: str
    nonce: str
    body: str
    connection: str


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The server said that it is stored, under this id."""

    at_s: float
    room: str
    nonce: str
    id: int
    connection: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The server refused it."""

    at_s: float
    room: str
    nonce: str
    code: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer came."""

    at_s: float
    room: str
    nonce: str


@dataclass(frozen=True, slots=True)
class Looked:
    """A page after a cursor, asked for at `began_s`. `reached` is where it ends, None where the log ended."""

    at_s: float
    began_s: float
    room: str
    after: int
    reached: int | None
    ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Began:
    """A reader wants all of a room after a cursor."""

    at_s: float
    reader: str
    room: str
    cursor: int


@dataclass(frozen=True, slots=True)
class Placed:
    """The server told a reader where it is: in `joined`, `hello`, `prev`, or a page's `last_id`."""

    at_s: float
    reader: str
    cursor: int
    connection: str


@dataclass(frozen=True, slots=True)
class Received:
    """A reader was given a message."""

    at_s: float
    reader: str
    message: Message
    connection: str


@dataclass(frozen=True, slots=True)
class WasReset:
    """The server told a reader to begin anew after this id."""

    at_s: float
    reader: str
    cursor: int
    connection: str


@dataclass(frozen=True, slots=True)
class Restored:
    """The database was put back to an older state: what was acknowledged before may be gone."""

    at_s: float


@dataclass(frozen=True, slots=True)
class Message:
    """A message, as a log or a reader has it."""

    id: int
    room: str
    nonce: str
    body: str


Event = Sent | Acknowledged | Refused | Unknown | Looked | Began | Placed | Received | WasReset | Restored


@dataclass
class History:
    """All events of a run, and what it ended with: each room's log, read afresh, and who read to the end."""

    now_s: Callable[[], float]
    events: list[Event] = field(default_factory=list)
    log: dict[str, list[Message]] = field(default_factory=dict)
    live: set[str] = field(default_factory=set)

    def add(self, event: Event) -> None:
        """Take the next event."""
        self.events.append(event)

    def __iter__(self) -> Iterator[Event]:
        return iter(self.events)

    def count(self, kind: type[Event]) -> int:
        """Return how many events there are of a kind."""
        return sum(isinstance(event, kind) for event in self.events)

    # How long things took

    def answers_s(self) -> list[tuple[float, float]]:
        """Return when each attempt to send began, and how long it took until it was answered in any way."""
        open_s: dict[tuple[str, str], float] = {}
        answers = []
        for event in self.events:
            if isinstance(event, Sent):
                open_s[event.room, event.nonce] = event.at_s
            elif isinstance(event, Acknowledged | Refused | Unknown):
                begun_s = open_s.pop((event.room, event.nonce), None)
                if begun_s is not None:
                    answers.append((begun_s, event.at_s - begun_s))
        return answers

    def acknowledgements_s(
        self, since_s: float = 0.0, until_s: float = float("inf"), without: str = ""
    ) -> list[float]:
        """Return how long each send took up to its acknowledgement, from its first attempt.

        Counted are those first tried from `since_s` to `until_s`, in rooms other than `without`.
        """
        first: dict[tuple[str, str], float] = {}
        took: dict[tuple[str, str], float] = {}
        for event in self.events:
            if isinstance(event, Sent):
                first.setdefault((event.room, event.nonce), event.at_s)
            elif isinstance(event, Acknowledged):
                begun = first.get((event.room, event.nonce))
                if begun is not None and since_s <= begun <= until_s and event.room != without:
                    took.setdefault((event.room, event.nonce), event.at_s - begun)
        return list(took.values())

    def deliveries_s(self, since_s: float = 0.0) -> list[float]:
        """Return how long after its acknowledgement each message came to each reader; at once is 0."""
        told: dict[tuple[str, str], float] = {}
        for event in self.events:
            if isinstance(event, Acknowledged):
                told.setdefault((event.room, event.nonce), event.at_s)
        late = []
        for event in self.events:
            if isinstance(event, Received):
                at_s = told.get((event.message.room, event.message.nonce))
                if at_s is not None and at_s >= since_s:
                    late.append(max(0.0, event.at_s - at_s))
        return late


def percentile(values: list[float], share: float) -> float:
    """Return the value that `share` of all do not exceed (nearest rank); 0 where there are none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]
