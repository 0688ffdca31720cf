"""The bodies of requests about messages: JSON, or the same fields form-encoded, into checked values."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from realtime.errors import BadRequest
from realtime.queries import decode_fields, integer
from realtime.wire import FileKeys, MessageId, Nonce, checked_body, checked_reason, echoing, told_plainly
from rooms.messages import MAX_ID


class PostBody(msgspec.Struct, frozen=True):
    """The body of POST …/messages."""

    body: str
    nonce: Nonce | None = None
    reply_to: MessageId | None = None
    files: FileKeys | None = None


class EditBody(msgspec.Struct, frozen=True):
    """The body of PATCH …/messages/{id}."""

    body: str
    nonce: Nonce | None = None


class RedactBody(msgspec.Struct, frozen=True):
    """The body of DELETE …/messages/{id}; it may be empty."""

    reason: str | None = None
    nonce: Nonce | None = None


Body = TypeVar("Body", PostBody, EditBody, RedactBody)


def decode_body(kind: type[Body], content_type: str, data: bytes, *, max_body: int) -> Body:
    """Return a request's body, JSON or form-encoded as `content_type` says, its text trimmed and bounded.

    Raises:
        BadRequest: the detail names the field; a nonce that can be read is echoed.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if kind is RedactBody and not data:
        data, media_type = b"{}", ""
    if media_type == "application/x-www-form-urlencoded":
        return _checked_http(_from_form(kind, data), max_body)
    if media_type not in {"", "application/json"}:
        raise BadRequest("Content-Type: it is application/json or application/x-www-form-urlencoded")
    try:
        with told_plainly():
            found = msgspec.json.decode(data, type=kind)
        return _checked_http(found, max_body)
    except BadRequest as refusal:
        raise echoing(refusal, data) from None


def _checked_http(found: Body, max_body: int) -> Body:
    try:
        if isinstance(found, RedactBody):
            return msgspec.structs.replace(found, reason=checked_reason(found.reason, max_body))
        empty = bool(getattr(found, "files", None))
        return msgspec.structs.replace(found, body=checked_body(found.body, max_body, empty=empty))
    except BadRequest as refusal:
        raise refusal.of(nonce=found.nonce) from None


def _from_form(kind: type[Body], data: bytes) -> Body:
    fields: dict[str, Any] = dict(decode_fields(data))
    if "reply_to" in fields:
        fields["reply_to"] = integer("reply_to", fields["reply_to"], least=1, most=MAX_ID)
    if "files" in fields:
        fields["files"] = [key.strip() for key in fields["files"].split(",") if key.strip()]
    with told_plainly():
        return msgspec.convert(fields, type=kind)
