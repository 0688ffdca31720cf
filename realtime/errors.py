"""Everything that the server refuses: one tree, which knows its HTTP status, close code and wire form."""

from __future__ import annotations

from typing import Any, ClassVar

from rooms.messages import Code, Refused

NO_SUCH = "There is no such room or message."


class Refusal(Exception):  # noqa: N818  (a refusal is an answer, not an error of ours)
    """What was asked is not done, and this is the answer. Raise a subclass.

    `code` is one of docs/protocol.md; `detail` is for people and never holds what a client may not
    know; `nonce` and `room` echo what was refused; `retry_after_s` is when to come back; `allow`
    are the methods that a resource does have.
    """

    code: ClassVar[str]
    http_status: ClassVar[int]
    title: ClassVar[str]
    close_code: ClassVar[int] = 1008
    default_detail: ClassVar[str] = ""

    def __init__(
        self,
        detail: str = "",
        *,
        nonce: str | None = None,
        room: str | None = None,
        retry_after_s: int | None = None,
        allow: tuple[str, ...] = (),
    ) -> None:
        """Say what is refused."""
        self.detail = detail or self.default_detail
        super().__init__(self.detail)
        self.nonce = nonce
        self.room = room
        self.retry_after_s = retry_after_s
        self.allow = allow

    def of(self, *, nonce: str | None = None, room: str | None = None) -> Refusal:
        """Return this refusal with the nonce and room of what was refused, where it does not have them."""
        self.nonce = self.nonce or nonce
        self.room = self.room or room
        return self

    def problem(self) -> dict[str, Any]:
        """Return the body of an `application/problem+json` answer (RFC 9457)."""
        told: dict[str, Any] = {
            "type": "about:blank",
            "title": self.title,
            "status": self.http_status,
            "code": self.code,
            "detail": self.detail,
        }
        return told | ({"nonce": self.nonce} if self.nonce is not None else {})

    def frame(self) -> dict[str, Any]:
        """Return the `error` frame of a WebSocket."""
        told: dict[str, Any] = {"type": "error", "code": self.code, "detail": self.detail}
        optional = {"nonce": self.nonce, "room": self.room, "retry_after": self.retry_after_s}
        return told | {name: value for name, value in optional.items() if value is not None}


class BadRequest(Refusal):
    """Not JSON, or a field missing, of the wrong type, out of its bounds: the detail names it."""

    code = "bad_request"
    http_status = 400
    title = "Bad Request"


class NotAuthenticated(Refusal):
    """Who asks is not known, and must be."""

    code = "not_authenticated"
    http_status = 401
    title = "Unauthorized"
    default_detail = "Log in, or send a valid token."


class Forbidden(Refusal):
    """Who asks may not do this."""

    code = "forbidden"
    http_status = 403
    title = "Forbidden"
    default_detail = "You may not do this."


class NotFound(Refusal):
    """What is asked for is not there, or must seem so: one detail for both, whatever is passed in."""

    code = "not_found"
    http_status = 404
    title = "Not Found"

    def __init__(self, detail: str = "", **about: Any) -> None:
        """Pass over the detail: two answers that differ would tell which rooms exist."""
        del detail
        super().__init__(NO_SUCH, **about)


class MethodNotAllowed(Refusal):
    """The resource is there, the method is none of its own."""

    code = "method_not_allowed"
    http_status = 405
    title = "Method Not Allowed"
    default_detail = "This resource has no such method."


class NonceConflict(Refusal):
    """The nonce was used for something else."""

    code = "nonce_conflict"
    http_status = 409
    title = "Conflict"
    default_detail = "This nonce was used for another message."


class Reset(Refusal):
    """The cursor is of another database, or beyond the room's newest id."""

    code = "reset"
    http_status = 409
    title = "Conflict"
    default_detail = (
        "This cursor cannot be resumed: throw away what you hold of this room and read the newest page."
    )


class Redacted(Refusal):
    """The message was redacted and cannot be changed any more."""

    code = "redacted"
    http_status = 409
    title = "Conflict"
    default_detail = "This message was redacted."


class Settled(Refusal):
    """Somebody has taken care of it already."""

    code = "settled"
    http_status = 409
    title = "Conflict"
    default_detail = "Somebody has taken care of this already."


class Taken(Refusal):
    """The address is in use, or was."""

    code = "taken"
    http_status = 409
    title = "Conflict"
    default_detail = "This address is in use, or was."


class TooLarge(Refusal):
    """More bytes than are taken."""

    code = "too_large"
    http_status = 413
    title = "Content Too Large"
    close_code = 1009


class UnsupportedType(Refusal):
    """A file of a type that is not taken, or that is not what it says it is."""

    code = "unsupported_type"
    http_status = 415
    title = "Unsupported Media Type"


class RateLimited(Refusal):
    """Too often: by a room's slow mode, or by a limit of the site's."""

    code = "rate_limited"
    http_status = 429
    title = "Too Many Requests"
    close_code = 1013
    default_detail = "That was too often. Send it again, with the same nonce, in a moment."

    def __init__(self, detail: str = "", *, retry_after_s: int = 1, **about: Any) -> None:
        """Say when to come back."""
        super().__init__(detail, retry_after_s=retry_after_s, **about)


class InternalError(Refusal):
    """Something of ours broke; the log has the traceback, the client this."""

    code = "internal_error"
    http_status = 500
    title = "Internal Server Error"
    close_code = 1011
    default_detail = "Something broke on the server; it has been logged."


class Unavailable(Refusal):
    """The database does not answer, the write queue is full, or the server is stopping."""

    code = "unavailable"
    http_status = 503
    title = "Service Unavailable"
    close_code = 1013
    default_detail = "The chat cannot do this just now. Send it again, with the same nonce, in a moment."

    def __init__(self, detail: str = "", *, retry_after_s: int = 2, **about: Any) -> None:
        """Say when to come back."""
        super().__init__(detail, retry_after_s=retry_after_s, **about)


_BY_CODE: dict[Code, type[Refusal]] = {
    Code.BAD_REQUEST: BadRequest,
    Code.NOT_AUTHENTICATED: NotAuthenticated,
    Code.FORBIDDEN: Forbidden,
    Code.NOT_FOUND: NotFound,
    Code.NONCE_CONFLICT: NonceConflict,
    Code.REDACTED: Redacted,
    Code.SETTLED: Settled,
    Code.TAKEN: Taken,
    Code.RATE_LIMITED: RateLimited,
    Code.UNSUPPORTED_TYPE: UnsupportedType,
    Code.RESET: Reset,
    Code.UNAVAILABLE: Unavailable,
}


def refusal(refused: Refused, *, nonce: str | None = None, room: str | None = None) -> Refusal:
    """Return what a refusal of the log is on the wire."""
    about: dict[str, Any] = {}
    if refused.retry_after_s is not None:
        about["retry_after_s"] = refused.retry_after_s
    return _BY_CODE[refused.code](refused.detail, nonce=nonce, room=room, **about)
