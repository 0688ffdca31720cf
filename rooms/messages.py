"""The plain values of the log that cross threads: frozen, hashable, without a database behind them."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum, auto
from typing import Any, Literal
from urllib.parse import quote

UserId = int | str
"""A user's primary key as the wire shows it: an integer, else its text (a UUID, say)."""
MAX_ID = 2**63 - 1
"""The greatest id that the log can have."""
WHOLE = re.compile("0|[1-9][0-9]{0,18}")
"""A number as it is written, with no more digits than a key has."""

MOST_FILES = 10
"""Of one message."""
FILE_KEY = "[A-Za-z0-9_-]{24}"

FILE_HEADERS = {
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-cache",
    "Accept-Ranges": "bytes",
}
"""Of every file: it runs nothing, belongs to no other site's page, and is asked for anew each time."""


class Kind(StrEnum):
    """What a row of the log says."""

    MESSAGE = "message"
    EDIT = "edit"
    REDACTION = "redaction"
    REACTION = "reaction"
    UNREACTION = "unreaction"
    NOTICE = "notice"


REACTIONS = frozenset({Kind.REACTION, Kind.UNREACTION})


class Event(StrEnum):
    """What a notice tells of a room or its people."""

    CREATED = "created"
    RENAMED = "renamed"
    TOPIC = "topic"
    VISIBILITY = "visibility"
    GUESTS = "guests"
    ARCHIVED = "archived"
    UNARCHIVED = "unarchived"
    READ_ONLY = "read_only"
    SLOW_MODE = "slow_mode"
    JOINED = "joined"
    LEFT = "left"
    REMOVED = "removed"
    ROLE = "role"
    MUTED = "muted"
    UNMUTED = "unmuted"
    BANNED = "banned"
    UNBANNED = "unbanned"


class Code(StrEnum):
    """Why something was refused: the codes of docs/protocol.md that the log itself can give."""

    BAD_REQUEST = "bad_request"
    NOT_AUTHENTICATED = "not_authenticated"
    FORBIDDEN = "forbidden"
    NOT_FOUND = "not_found"
    NONCE_CONFLICT = "nonce_conflict"
    REDACTED = "redacted"
    SETTLED = "settled"
    TAKEN = "taken"
    RATE_LIMITED = "rate_limited"
    UNSUPPORTED_TYPE = "unsupported_type"
    RESET = "reset"
    UNAVAILABLE = "unavailable"


class Lock(Enum):
    """How appending behaves towards a room that somebody else holds."""

    WAIT = auto()
    """Wait for it."""
    SKIP = auto()
    """Answer its drafts with Busy at once."""
    BRIEF = auto()
    """Wait for a tenth of a second, then answer all drafts with Busy."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who wrote a message: `name` is the public display name, never an e-mail address."""

    id: UserId
    name: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What a notice tells: of whom, and what is the case now (a name, a topic, a role, seconds, a flag)."""

    event: Event
    about: Author | None = None
    value: str | int | bool | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reaction:
    """How many reacted to a message with `body`, and who were the first of them."""

    body: str
    count: int
    users: tuple[UserId, ...]


@dataclass(frozen=True, slots=True)
class File:
    """A file of a message. `key` is what it is asked for by; `width` and `height` are a picture's."""

    key: str
    name: str
    type: str
    size: int
    width: int | None = None
    height: int | None = None
    has_preview: bool = False

    def told(self) -> dict[str, Any]:
        """Return its fields on the wire."""
        name = quote(self.name, safe="")
        fields = {
            "id": self.key,
            "name": self.name,
            "type": self.type,
            "size": self.size,
            "width": self.width,
            "height": self.height,
            "url": f"/files/{self.key}/{name}",
            "preview": f"/files/{self.key}/preview/{name}" if self.has_preview else None,
        }
        return {name: value for name, value in fields.items() if value is not None}


@dataclass(frozen=True, slots=True)
class FoundFile:
    """A file, or its preview, as it is served: where it lies, how long it is, its entity tag and headers."""

    path: str
    size: int
    tag: str
    content_type: str
    disposition: str

    @property
    def headers(self) -> dict[str, str]:
        """What an answer with any of it says of it, but for its type and length."""
        return {**FILE_HEADERS, "Content-Disposition": self.disposition, "ETag": self.tag}


@dataclass(frozen=True, slots=True)
class Draft:
    """Something to be appended to the log of a room, named by its slug.

    Every draft carries its nonce before its first attempt, so that an attempt whose outcome is
    unknown can be made again. `body` is the text of a message or edit, the reason of a redaction
    ("" where none is given), what a reaction shows. `target` is the id that an edit, redaction or
    reaction is about. `trusted` is for the server's own code: what its author may do is then not asked.
    Only trusted drafts are notices, and have one. `files` are the keys of uploads of the author's to this
    room, for a message; one that has some may have no text.
    """

    room: str
    kind: Kind
    author_id: UserId | None
    nonce: str
    body: str = ""
    target: int | None = None
    reply_to: int | None = None
    trusted: bool = False
    notice: Notice | None = None
    files: tuple[str, ...] = ()


def user_id(text: str) -> UserId:
    """Return the id of a person as a page, a path or a query has it.

    A number as one writes it is a number; "007" is the key of somebody else, where keys are texts.
    """
    return int(text) if WHOLE.fullmatch(text) else text


def new_nonce() -> str:
    """Return a nonce for a draft that came without one."""
    return secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class Posted:
    """A message of the log as a reader sees it. Absent things are None; `body` is None where withheld."""

    id: int
    room: str
    kind: Kind
    author: Author | None
    body: str | None
    created_at: datetime
    nonce: str
    target: int | None = None
    reply_to: int | None = None
    redacted: bool = False
    edited_at: datetime | None = None
    changed: int | None = None
    mentions: tuple[Author, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    notice: Notice | None = None
    files: tuple[File, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """The draft is committed. `fresh` is False where its nonce was known: `posted` is the first message."""

    posted: Posted
    fresh: bool


@dataclass(frozen=True, slots=True)
class Refused:
    """The draft was not stored and never will be as it is; but where a limit was met, `retry_after_s` on.

    `detail` is English, for people: a constant sentence, or one made by `of`; so its translation is found.
    """

    code: Code
    detail: str
    retry_after_s: int | None = None

    @classmethod
    def of(
        cls, code: Code, sentence: str, *, retry_after_s: int | None = None, **values: float | str
    ) -> Refused:
        """Return a refusal whose sentence has values in the place of `%(name)s`."""
        return cls(code, sentence % values, retry_after_s)


@dataclass(frozen=True, slots=True)
class Busy:
    """Somebody else holds the room's lock; nothing was stored; the same draft may be tried again."""


Outcome = Stored | Refused | Busy


@dataclass(frozen=True, slots=True)
class Versions:
    """What permissions were judged by: the database's epoch, the site's and the room's access versions."""

    epoch: str
    site: int
    room: int


@dataclass(frozen=True, slots=True)
class RoomBatch:
    """All that one commit brought to one room: what follows `prev`, ascending."""

    room: str
    prev: int
    messages: tuple[Posted, ...]
    versions: Versions

    @property
    def last_id(self) -> int:
        """The room's newest id after this commit."""
        return self.messages[-1].id


@dataclass(frozen=True, slots=True)
class Appended:
    """One outcome for each draft, in the drafts' order, and what the commit brought to each room."""

    outcomes: tuple[Outcome, ...]
    batches: tuple[RoomBatch, ...]


@dataclass(frozen=True, slots=True)
class Access:
    """What one reader may do in one room: `manage` is what its owners and the site's staff may.

    `refusal` says how a reader who may not see it is answered.
    """

    see: bool
    post: bool
    moderate: bool
    manage: bool = False
    refusal: Code | None = None


@dataclass(frozen=True, slots=True)
class After:
    """Those after a cursor, ascending, at most `limit`."""

    cursor: int
    limit: int


@dataclass(frozen=True, slots=True)
class Before:
    """The `limit` just before an id, ascending."""

    cursor: int
    limit: int


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest `limit`, ascending. A limit of 0 reads no message: the head alone."""

    limit: int


Span = After | Before | Newest


@dataclass(frozen=True, slots=True)
class Page:
    """A piece of a room's log, ascending, and the room's head and versions read after it.

    `more` says whether the span holds messages beyond these. `start` is the cursor after which
    they lie: for `After` the one given, else the id just before the first (0 if there is none).
    """

    room: str
    messages: tuple[Posted, ...]
    more: bool
    start: int
    head: int
    versions: Versions
    access: Access


@dataclass(frozen=True, slots=True)
class RoomHead:
    """How far a room's log goes, and its access version."""

    last_id: int
    access_version: int


@dataclass(frozen=True, slots=True)
class Heads:
    """What the safety poll reads: epoch, site version, and the heads of rooms, by slug."""

    epoch: str
    site: int
    rooms: dict[str, RoomHead]


@dataclass(frozen=True, slots=True)
class RoomSummary:
    """A room as one reader sees it; all from `role` on is the reader's own, and a guest has none of it.

    `with_` is the other person of a direct room, whose name `name` is then. `read` is None without a
    marker. `unread` and `mentions` go up to 100, which stands for more. `muted` is for oneself;
    `muted_until` is when a moderator's mute ends, "" where it is for good, None where there is none.
    """

    room: str
    name: str
    topic: str
    last_id: int
    access: Access
    archived: bool
    private: bool
    visibility: str = "public"
    read_only: bool = False
    open_to_guests: bool = False
    slow_mode: int = 0
    role: str | None = None
    with_: Author | None = None
    read: int | None = None
    unread: int | None = None
    mentions: int | None = None
    muted: bool = False
    muted_until: datetime | Literal[""] | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody known. `credential` is what it was known by, for asking again whether it still holds.

    `since` is when the account was made, for what holds of new ones; None where nobody knows, and of staff.
    """

    user_id: UserId
    name: str
    credential: Credential
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Credential:
    """A session's key or the digest of a token. Never logged."""

    session_key: str | None = None
    token_digest: str | None = None

    @classmethod
    def of_session(cls, key: str) -> Credential:
        """Return the credential of a session cookie's value."""
        return cls(session_key=key)

    @classmethod
    def of_token(cls, token: str) -> Credential:
        """Return the credential of a Bearer token: its digest, since nothing else is ever kept."""
        return cls(token_digest=hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest())

    def __repr__(self) -> str:
        """Tell which sort it is and withhold it."""
        return "Credential(session)" if self.session_key else "Credential(token)"
