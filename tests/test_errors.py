"""Refusals: what they look like as problems and as frames."""

from __future__ import annotations

import pytest

from realtime import errors
from realtime.errors import Refusal
from rooms.messages import Code, Refused


@pytest.mark.parametrize("code", list(Code))
def test_each_code_of_the_log_has_its_refusal(code: Code) -> None:
    refused = errors.refusal(Refused(code, "because"), nonce="n", room="lobby")

    assert (refused.code, refused.nonce, refused.room) == (code, "n", "lobby")


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [
        (errors.BadRequest(), 400, "bad_request"),
        (errors.NotAuthenticated(), 401, "not_authenticated"),
        (errors.Forbidden(), 403, "forbidden"),
        (errors.NotFound(), 404, "not_found"),
        (errors.NonceConflict(), 409, "nonce_conflict"),
        (errors.Reset(), 409, "reset"),
        (errors.Redacted(), 409, "redacted"),
        (errors.TooLarge(), 413, "too_large"),
        (errors.Unavailable(), 503, "unavailable"),
    ],
)
def test_statuses_are_the_protocols(refusal: Refusal, status: int, code: str) -> None:
    problem = refusal.problem()

    assert (problem["status"], problem["code"], problem["type"]) == (status, code, "about:blank")
    assert problem["title"]


def test_what_is_not_there_and_what_may_not_be_known_are_told_alike() -> None:
    hidden = errors.refusal(Refused(Code.NOT_FOUND, "This room is private."))

    assert hidden.problem() == errors.NotFound().problem()
    assert hidden.frame() == errors.NotFound("There is no such message.").frame()


def test_a_problem_has_a_nonce_only_where_there_was_one() -> None:
    assert "nonce" not in errors.Unavailable().problem()
    assert errors.Unavailable(nonce="n").problem()["nonce"] == "n"


def test_a_frame_tells_when_to_come_back() -> None:
    assert errors.Unavailable("busy", nonce="n", room="lobby").frame() == {
        "type": "error",
        "code": "unavailable",
        "detail": "busy",
        "nonce": "n",
        "room": "lobby",
        "retry_after": 2,
    }
    assert "retry_after" not in errors.Forbidden().frame()


def test_an_echo_does_not_replace_what_is_known() -> None:
    refused = errors.BadRequest("x", nonce="mine")

    assert refused.of(nonce="other", room="lobby") is refused
    assert (refused.nonce, refused.room) == ("mine", "lobby")
