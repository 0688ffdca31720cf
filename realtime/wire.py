"""The wire's shapes: bytes of a client into frozen, checked values, and what clients are told into bytes.

docs/protocol.md is the reference. No framework here, no input or output, no clock. Whatever is wrong with
what came in raises a `realtime.errors.Refusal`; nothing else comes out of a decoding function.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, NoReturn, Protocol

import msgspec

from realtime.errors import BadRequest, Refusal
from realtime.queries import MAX_EPOCH_CHARS, MAX_LIMIT
from rooms.messages import FILE_KEY, MAX_ID, MOST_FILES, Author, Identity, Notice, Posted, Reaction

Slug = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9-]{1,64}\Z")]
Nonce = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9_-]{1,64}\Z")]
Cursor = Annotated[int, msgspec.Meta(ge=0, le=MAX_ID)]
MessageId = Annotated[int, msgspec.Meta(ge=1, le=MAX_ID)]
Epoch = Annotated[str, msgspec.Meta(max_length=MAX_EPOCH_CHARS)]
MAX_OVERHEARD = 500
Count = Annotated[int, msgspec.Meta(ge=1, le=MAX_LIMIT)]
FileKey = Annotated[str, msgspec.Meta(pattern=rf"^{FILE_KEY}\Z")]
FileKeys = Annotated[tuple[FileKey, ...], msgspec.Meta(max_length=MOST_FILES)]


class Join(msgspec.Struct, frozen=True, tag_field="type", tag="join"):
    """Replay what is after `after`, or the newest `last`, then live; with neither, live only."""

    room: Slug
    after: Cursor | None = None
    last: Count | None = None
    epoch: Epoch | None = None


class Leave(msgspec.Struct, frozen=True, tag_field="type", tag="leave"):
    """Hear no more of a room."""

    room: Slug


class Overhear(msgspec.Struct, frozen=True, tag_field="type", tag="overhear"):
    """Hear what is said in these rooms from now on, without being in them; in no others but the joined."""

    rooms: Annotated[frozenset[Slug], msgspec.Meta(max_length=MAX_OVERHEARD)]


class Send(msgspec.Struct, frozen=True, tag_field="type", tag="send"):
    """Append a message."""

    room: Slug
    body: str
    nonce: Nonce
    reply_to: MessageId | None = None
    files: FileKeys | None = None


class Edit(msgspec.Struct, frozen=True, tag_field="type", tag="edit"):
    """Give a message another text."""

    room: Slug
    target: MessageId
    body: str
    nonce: Nonce


class Redact(msgspec.Struct, frozen=True, tag_field="type", tag="redact"):
    """Withhold the text of a message."""

    room: Slug
    target: MessageId
    nonce: Nonce
    reason: str | None = None


class React(msgspec.Struct, frozen=True, tag_field="type", tag="react"):
    """Show what one thinks of a message, by an emoji."""

    room: Slug
    target: MessageId
    body: str
    nonce: Nonce


class Unreact(msgspec.Struct, frozen=True, tag_field="type", tag="unreact"):
    """Take a reaction back."""

    room: Slug
    target: MessageId
    body: str
    nonce: Nonce


class Typing(msgspec.Struct, frozen=True, tag_field="type", tag="typing"):
    """Tell others in the room that the caller is writing something."""

    room: Slug


class Read(msgspec.Struct, frozen=True, tag_field="type", tag="read"):
    """Move the caller's marker in a room forward."""

    room: Slug
    id: Cursor


Command = Join | Leave | Overhear | Send | Edit | Redact | React | Unreact | Typing | Read


class Numbered(Protocol):
    """A message already encoded."""

    @property
    def id(self) -> int:
        """Its id."""

    @property
    def data(self) -> bytes:
        """Its JSON."""


class _Echo(msgspec.Struct):
    nonce: Any = None
    room: Any = None


LONGEST_REACTION = 32

_commands = msgspec.json.Decoder(Command)
_echoes = msgspec.json.Decoder(_Echo)
_encoder = msgspec.json.Encoder()


# What comes in.


def decode_command(data: bytes, *, max_body: int) -> Command:
    """Return the command in a WebSocket frame, its text trimmed and at most `max_body` code points.

    Raises:
        BadRequest: the detail names the field; the nonce and room are echoed where they can be read.
    """
    try:
        with told_plainly():
            command = _commands.decode(data)
        return _checked_command(command, max_body)
    except BadRequest as refusal:
        raise echoing(refusal, data) from None


def _checked_command(command: Command, max_body: int) -> Command:
    match command:
        case Send(body=body, files=files):
            return msgspec.structs.replace(command, body=checked_body(body, max_body, empty=bool(files)))
        case Edit(body=body):
            return msgspec.structs.replace(command, body=checked_body(body, max_body))
        case React(body=body) | Unreact(body=body):
            return msgspec.structs.replace(command, body=checked_reaction(body))
        case Redact(reason=reason):
            return msgspec.structs.replace(command, reason=checked_reason(reason, max_body))
        case Join(after=after, last=last) if after is not None and last is not None:
            raise BadRequest("last: it takes the place of after; send one of them")
        case _:
            return command


def checked_body(text: str, max_body: int, *, empty: bool = False) -> str:
    """Return the text of a message without the white space (Unicode's, as str.strip has it) around it.

    `empty` is whether it may be.

    Raises:
        BadRequest: empty, more than `max_body` code points, or characters that no database here keeps.
    """
    body = _storable("body", text)
    if not body and not empty:
        raise BadRequest("body: it is empty")
    return _bounded("body", body, max_body)


def checked_reaction(text: str) -> str:
    """Return what somebody reacts with: an emoji, or a few characters, without the white space around it.

    Raises:
        BadRequest: empty, too long, with white space in it, or characters that no database here keeps.
    """
    body = checked_body(text, LONGEST_REACTION)
    if any(map(str.isspace, body)):
        raise BadRequest("body: a reaction has no white space")
    return body


def checked_reason(text: str | None, max_body: int) -> str | None:
    """Return the reason of a redaction in the same way, None where it is empty."""
    return None if text is None else _bounded("reason", _storable("reason", text), max_body) or None


def _bounded(name: str, text: str, limit: int) -> str:
    if len(text) > limit:
        raise BadRequest(f"{name}: it is longer than {limit} characters")
    return text


def _storable(name: str, text: str) -> str:
    if "\x00" in text:
        raise BadRequest(f"{name}: the character U+0000 is not taken")
    if re.search("[\ud800-\udfff]", text):
        raise BadRequest(f"{name}: it holds half a surrogate pair")
    return text.strip()


class told_plainly:  # noqa: N801  (reads as the clause that it is)
    """Turn what msgspec raises into a BadRequest that names the field."""

    def __enter__(self) -> None:
        """Begin to watch."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, msgspec.ValidationError):
            _refuse_shape(str(error))
        if isinstance(error, msgspec.DecodeError | UnicodeDecodeError):
            raise BadRequest("This is not JSON in UTF-8.") from None
        if isinstance(error, RecursionError):
            raise BadRequest("This JSON is nested too deep.") from None


def _refuse_shape(told: str) -> NoReturn:
    what, found, where = told.rpartition(" - at `$.")
    raise BadRequest(f"{where.rstrip('`')}: {what}" if found else told) from None


def echoing(refusal: Refusal, data: bytes) -> Refusal:
    """Return a refusal with the nonce and room of what was refused, where they can be read."""
    try:
        echo = _echoes.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return refusal
    return refusal.of(nonce=_if_valid(echo.nonce, Nonce), room=_if_valid(echo.room, Slug))


def _if_valid(value: object, kind: Any) -> str | None:
    try:
        return msgspec.convert(value, type=kind | None)  # type: ignore[no-any-return]
    except msgspec.ValidationError:
        return None


# What goes out.


def encode_message(posted: Posted) -> bytes:
    """Return a message's JSON: the only place that makes it, so it has the same bytes on every transport."""
    told: dict[str, Any] = {
        "id": posted.id,
        "room": posted.room,
        "kind": posted.kind,
        "author": _person(posted.author) if posted.author else None,
        "body": posted.body,
        "created_at": moment_text(posted.created_at),
        "nonce": posted.nonce,
        "target": posted.target,
        "reply_to": posted.reply_to,
        "redacted": posted.redacted or None,
        "edited_at": moment_text(posted.edited_at) if posted.edited_at else None,
        "changed": posted.changed,
        "mentions": [_person(one) for one in posted.mentions] or None,
        "reactions": [_reaction(one) for one in posted.reactions] or None,
        "files": [one.told() for one in posted.files] or None,
        "notice": _notice(posted.notice) if posted.notice else None,
    }
    return encode({name: value for name, value in told.items() if value is not None})


def _person(person: Author) -> dict[str, Any]:
    return {"id": person.id, "name": person.name}


def _reaction(reaction: Reaction) -> dict[str, Any]:
    return {"body": reaction.body, "count": reaction.count, "users": reaction.users}


def _notice(notice: Notice) -> dict[str, Any]:
    told: dict[str, Any] = {
        "event": notice.event,
        "about": _person(notice.about) if notice.about else None,
        "value": notice.value,
        "until": moment_text(notice.until) if notice.until else None,
    }
    return {name: value for name, value in told.items() if value is not None}


def encode(told: Mapping[str, Any]) -> bytes:
    """Return JSON in UTF-8."""
    return _encoder.encode(told)


def moment_text(moment: datetime) -> str:
    """Return a time as the wire has it."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def encode_page(room: str, epoch: str, messages: Sequence[bytes], *, last_id: int, more: bool) -> bytes:
    """Return the answer to GET …/messages."""
    head = encode({"room": room, "epoch": epoch})
    tail = encode({"last_id": last_id, "more": more})
    return b'%b,"messages":[%b],%b' % (head[:-1], b",".join(messages), tail[1:])


def _user(reader: Identity | None) -> dict[str, Any]:
    return {"user": {"id": reader.user_id, "name": reader.name}} if reader else {}


def encode_hello(reader: Identity | None, epoch: str, server: str) -> bytes:
    """Return the first frame of a WebSocket."""
    return encode({"type": "hello"} | _user(reader) | {"epoch": epoch, "server": server})


def encode_joined(room: str, *, after: int, last_id: int, epoch: str) -> bytes:
    """Return the frame that answers a join."""
    return encode({"type": "joined", "room": room, "after": after, "last_id": last_id, "epoch": epoch})


def encode_overhearing(rooms: Iterable[tuple[str, int]]) -> bytes:
    """Return the frame that answers an overhear: each room with the id after which it is heard."""
    return encode({"type": "overhearing", "rooms": [{"room": room, "last_id": id_} for room, id_ in rooms]})


def encode_reset(room: str, *, after: int, epoch: str) -> bytes:
    """Return the frame that says a cursor cannot be resumed."""
    return encode({"type": "reset", "room": room, "after": after, "epoch": epoch})


def encode_left(room: str, code: str) -> bytes:
    """Return the frame that ends a join."""
    return encode({"type": "left", "room": room, "code": code})


def encode_presence(room: str, users: Iterable[Author]) -> bytes:
    """Return the frame that says who is in a room."""
    told = [_person(user) for user in users]
    return encode({"type": "presence", "room": room, "users": told})


def encode_typing(room: str, user: Author) -> bytes:
    """Return the frame that says that somebody types."""
    return encode({"type": "typing", "room": room, "user": _person(user)})


def encode_sent(sent: Sequence[tuple[str, str, int]]) -> bytes:
    """Return the frame that acknowledges sends: nonce, room and id of each."""
    return encode({"type": "sent", "sent": [{"nonce": n, "room": room, "id": i} for n, room, i in sent]})


def message_frames(room: str, prev: int, messages: Sequence[Numbered], limit_bytes: int) -> Iterator[bytes]:
    """Yield frames of at most `limit_bytes` (one message alone may exceed it), each with its own `prev`."""
    part: list[bytes] = []
    size = room_for_head = 128 + len(room)
    first_prev = last_id = prev
    for message in messages:
        if part and size + len(message.data) + 1 > limit_bytes:
            yield _messages_frame(room, first_prev, part)
            part, size, first_prev = [], room_for_head, last_id
        part.append(message.data)
        size += len(message.data) + 1
        last_id = message.id
    if part:
        yield _messages_frame(room, first_prev, part)


def _messages_frame(room: str, prev: int, messages: Sequence[bytes]) -> bytes:
    head = encode({"type": "messages", "room": room, "prev": prev})
    return b'%b,"messages":[%b]}' % (head[:-1], b",".join(messages))
