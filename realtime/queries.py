"""Query strings and form fields: bytes of a client into checked values. No framework, as `realtime.wire`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from realtime.errors import BadRequest
from rooms.messages import MAX_ID, After, Before, Newest, Span, UserId, user_id

MAX_LIMIT = 200
DEFAULT_LIMIT = 50
MAX_WAIT_S = 60.0
MAX_EPOCH_CHARS = 64
MAX_FIELDS = 50
MAX_FOUND = 50
DEFAULT_FOUND = 20
MAX_PERSON_CHARS = 255


@dataclass(frozen=True, slots=True)
class HistoryQuery:
    """What GET …/messages asks for. `wait_s` is None where it is no long poll."""

    span: Span
    wait_s: float | None
    epoch: str | None


@dataclass(frozen=True, slots=True)
class StreamQuery:
    """What GET …/events asks for. `after` is None where the stream begins at the newest id."""

    after: int | None
    epoch: str | None


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """What GET /api/search asks for."""

    text: str
    room: str | None
    author: UserId | None
    before: int | None
    limit: int


def decode_fields(data: bytes) -> Mapping[str, str]:
    """Return the fields of a query string or a form-encoded body.

    Raises:
        BadRequest: not UTF-8, too many fields, or one of them given twice.
    """
    try:
        pairs = parse_qsl(data.decode(), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except UnicodeDecodeError:
        raise BadRequest("The fields are not UTF-8.") from None
    except ValueError:
        raise BadRequest("There are too many fields.") from None
    fields: dict[str, str] = {}
    for name, value in pairs:
        if name in fields:
            raise BadRequest(f"{_shown(name)}: it is given twice")
        fields[name] = value
    return fields


def decode_history_query(query: bytes) -> HistoryQuery:
    """Return what GET …/messages?{query} asks for.

    Raises:
        BadRequest: the detail names the field.
    """
    fields = decode_fields(query)
    limit = _limit(fields, DEFAULT_LIMIT, MAX_LIMIT)
    span: Span = Newest(limit)
    if "after" in fields and "before" in fields:
        raise BadRequest("before: it cannot be given together with after")
    if "after" in fields:
        span = After(_cursor("after", fields["after"]), limit)
    elif "before" in fields:
        span = Before(_cursor("before", fields["before"]), limit)
    if "wait" in fields and "after" not in fields:
        raise BadRequest("wait: it needs after")
    wait_s = _seconds("wait", fields["wait"]) if "wait" in fields else None
    return HistoryQuery(span, wait_s, _epoch(fields))


def decode_stream_query(query: bytes, last_event_id: str | None) -> StreamQuery:
    """Return what GET …/events?{query} asks for; a reconnect's Last-Event-ID goes over `after`.

    Raises:
        BadRequest: the detail names the field.
    """
    fields = decode_fields(query)
    after = _cursor("after", fields["after"]) if "after" in fields else None
    if last_event_id:
        after = _cursor("Last-Event-ID", last_event_id)
    return StreamQuery(after, _epoch(fields))


def decode_members_query(query: bytes) -> tuple[UserId | None, int]:
    """Return the id after which GET …/members?{query} asks for people (None: from the first), and how many.

    Raises:
        BadRequest: the detail names the field.
    """
    fields = decode_fields(query)
    return _person("after", fields), _limit(fields, DEFAULT_LIMIT, MAX_LIMIT)


def decode_search_query(query: bytes) -> SearchQuery:
    """Return what GET /api/search?{query} asks for.

    Raises:
        BadRequest: the detail names the field.
    """
    fields = decode_fields(query)
    room = fields.get("room")
    if "q" not in fields:
        raise BadRequest("q: what is searched for is missing")
    if room is not None and not re.fullmatch(r"[a-z0-9-]{1,64}", room):
        raise BadRequest("room: it is the address of a room")
    before = integer("before", fields["before"], least=1, most=MAX_ID) if "before" in fields else None
    limit = _limit(fields, DEFAULT_FOUND, MAX_FOUND)
    return SearchQuery(fields["q"], room, _person("author", fields), before, limit)


def _limit(fields: Mapping[str, str], default: int, most: int) -> int:
    return integer("limit", fields["limit"], least=1, most=most) if "limit" in fields else default


def _person(name: str, fields: Mapping[str, str]) -> UserId | None:
    person = fields.get(name)
    if person is not None and (not 0 < len(person) <= MAX_PERSON_CHARS or not person.isprintable()):
        raise BadRequest(f"{name}: it is the id of a person")
    return user_id(person) if person is not None else None


def integer(name: str, text: str, *, least: int, most: int) -> int:
    """Return an integer of ASCII digits within bounds, both included; raise BadRequest naming the field."""
    if re.fullmatch(r"[0-9]{1,40}", text) and least <= int(text) <= most:
        return int(text)
    raise BadRequest(f"{name}: it is an integer from {least} to {most}")


def _cursor(name: str, text: str) -> int:
    return integer(name, text, least=0, most=MAX_ID)


def _seconds(name: str, text: str) -> float:
    if re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,9})?", text) and float(text) <= MAX_WAIT_S:
        return float(text)
    raise BadRequest(f"{name}: it is a number of seconds from 0 to {MAX_WAIT_S:.0f}")


def _epoch(fields: Mapping[str, str]) -> str | None:
    epoch = fields.get("epoch")
    if epoch is not None and len(epoch) > MAX_EPOCH_CHARS:
        raise BadRequest("epoch: it is longer than any epoch")
    return epoch


def _shown(name: str) -> str:
    return name[:40].encode("ascii", "backslashreplace").decode()
