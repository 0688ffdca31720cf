"""What comes in on the wire and what goes out."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from realtime import queries, wire, wire_bodies
from realtime.errors import BadRequest
from realtime.tail import Encoded
from rooms.messages import (
    After,
    Author,
    Before,
    Credential,
    Event,
    Identity,
    Kind,
    Newest,
    Notice,
    Posted,
    Reaction,
)

NOON = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)
POSTED = Posted(205, "lobby", Kind.MESSAGE, Author(3, "ana"), "hello", NOON, "8c1f0a4e")


def command(**fields: Any) -> wire.Command:
    return wire.decode_command(json.dumps(fields).encode(), max_body=10)


def refused(data: bytes) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        wire.decode_command(data, max_body=10)
    return caught.value


class TestCommands:
    def test_each_is_decoded(self) -> None:
        assert command(type="join", room="lobby", after=3, epoch="e") == wire.Join("lobby", 3, None, "e")
        assert command(type="join", room="lobby", last=20) == wire.Join("lobby", None, 20, None)
        assert command(type="leave", room="lobby") == wire.Leave("lobby")
        assert command(type="send", room="a-1", body="x", nonce="n", reply_to=4) == wire.Send(
            "a-1", "x", "n", 4
        )
        assert command(type="edit", room="a", target=1, body="x", nonce="n") == wire.Edit("a", 1, "x", "n")
        assert command(type="redact", room="a", target=1, nonce="n") == wire.Redact("a", 1, "n", None)
        assert command(type="redact", room="a", target=1, nonce="n", reason=" r ") == wire.Redact(
            "a", 1, "n", "r"
        )

    def test_a_reaction_is_trimmed_and_has_bounds_of_its_own(self) -> None:
        for kind, shape in (("react", wire.React), ("unreact", wire.Unreact)):
            found = command(type=kind, room="a", target=1, body=" " + "é" * 32 + " ", nonce="n")
            assert found == shape("a", 1, "é" * 32, "n")

    @pytest.mark.parametrize("kind", ["react", "unreact"])
    @pytest.mark.parametrize("body", ["", " ", "a b", "a\u3000b", "a\nb", "é" * 33, "a\x00b"])
    def test_what_is_no_reaction_is_refused_by_name(self, kind: str, body: str) -> None:
        told = refused(
            json.dumps({"type": kind, "room": "a", "target": 1, "body": body, "nonce": "n"}).encode()
        )

        assert told.detail.startswith("body: ")
        assert told.nonce == "n"

    def test_fields_that_nobody_knows_are_passed_over(self) -> None:
        assert command(type="leave", room="lobby", colour="red") == wire.Leave("lobby")

    def test_text_is_trimmed_of_unicode_white_space_and_then_counted(self) -> None:
        sent = command(type="send", room="a", body="\u3000\u2028 " + "é" * 10 + "\t\n\x85", nonce="n")

        assert isinstance(sent, wire.Send)
        assert sent.body == "é" * 10

    @pytest.mark.parametrize(
        ("data", "field"),
        [
            (b'{"type":"send","room":"a","body":"","nonce":"n"}', "body"),
            (b'{"type":"send","room":"a","body":" \\u3000\\n","nonce":"n"}', "body"),
            (b'{"type":"send","room":"a","body":"12345678901","nonce":"n"}', "body"),
            (b'{"type":"send","room":"a","body":"a\\u0000b","nonce":"n"}', "body"),
            (b'{"type":"send","room":"a","body":"a\\udc00b","nonce":"n"}', "JSON"),
            (b'{"type":"send","room":"a","body":"a\\ud800b","nonce":"n"}', "JSON"),
            (b'{"type":"send","room":"a","body":7,"nonce":"n"}', "body"),
            (b'{"type":"send","room":"a","body":"x"}', "nonce"),
            (b'{"type":"send","room":"a","body":"x","nonce":""}', "nonce"),
            (b'{"type":"send","room":"a","body":"x","nonce":"a b"}', "nonce"),
            (b'{"type":"send","room":"a","body":"x","nonce":"n\\n"}', "nonce"),
            (b'{"type":"send","room":"a","body":"x","nonce":"' + b"n" * 65 + b'"}', "nonce"),
            (b'{"type":"send","room":"A","body":"x","nonce":"n"}', "room"),
            (b'{"type":"send","room":"lobby\\n","body":"x","nonce":"n"}', "room"),
            (b'{"type":"send","room":"","body":"x","nonce":"n"}', "room"),
            (b'{"type":"send","room":"a","body":"x","nonce":"n","reply_to":0}', "reply_to"),
            (b'{"type":"send","room":"a","body":"x","nonce":"n","reply_to":true}', "reply_to"),
            (b'{"type":"redact","room":"a","target":"1","nonce":"n"}', "target"),
            (b'{"type":"redact","room":"a","target":1,"nonce":"n","reason":"x\\u0000"}', "reason"),
            (b'{"type":"redact","room":"a","target":1,"nonce":"n","reason":"12345678901"}', "reason"),
            (b'{"type":"join","room":"a","after":-1}', "after"),
            (b'{"type":"join","room":"a","after":1.5}', "after"),
            (b'{"type":"join","room":"a","after":1e400}', "after"),
            (b'{"type":"join","room":"a","after":9223372036854775808}', "after"),
            (b'{"type":"join","room":"a","after":"\xd9\xa5"}', "after"),
            (b'{"type":"join","room":"a","last":0}', "last"),
            (b'{"type":"join","room":"a","last":201}', "last"),
            (b'{"type":"join","room":"a","last":5,"after":5}', "last"),
            (b'{"type":"join","room":"a","epoch":7}', "epoch"),
            (b'{"type":"join","room":"a","after":NaN}', "JSON"),
            (b'{"type":"join","room":"a","after":Infinity}', "JSON"),
            (b'{"type":"dance","room":"a"}', "type"),
            (b'{"room":"a"}', "type"),
            (b'{"type":["join"],"room":"a"}', "type"),
            (b"[]", "object"),
            (b"null", "object"),
            (b"", "JSON"),
            (b"{", "JSON"),
            (b'{"type":"leave","room":"\xff"}', "JSON"),
            (b'{"type":"leave","room":"a","x":' + b"[" * 100_000, "deep"),
        ],
    )
    def test_what_is_wrong_is_named(self, data: bytes, field: str) -> None:
        assert field in refused(data).detail

    def test_the_nonce_and_room_of_what_is_wrong_are_echoed(self) -> None:
        told = refused(b'{"type":"send","room":"lobby","body":4,"nonce":"abc"}').frame()

        assert (told["nonce"], told["room"]) == ("abc", "lobby")

    def test_what_is_no_nonce_is_not_echoed(self) -> None:
        told = refused(b'{"type":"send","room":{},"body":"x","nonce":"a b"}').frame()

        assert "nonce" not in told
        assert "room" not in told

    @given(st.binary(max_size=200))
    def test_no_bytes_bring_anything_but_a_command_or_a_refusal(self, data: bytes) -> None:
        with contextlib.suppress(BadRequest):
            wire.decode_command(data, max_body=10)

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5
        )
    )
    def test_no_value_of_any_type_gets_through_in_the_wrong_place(self, value: Any) -> None:
        data = json.dumps({"type": "edit", "room": "a", "target": value, "body": "x", "nonce": "n"}).encode()
        try:
            found = wire.decode_command(data, max_body=10)
        except BadRequest:
            return
        assert isinstance(found, wire.Edit)
        assert type(found.target) is int
        assert 1 <= found.target < 2**63


class TestBodies:
    def decode(self, content_type: str, data: bytes) -> wire_bodies.PostBody:
        return wire_bodies.decode_body(wire_bodies.PostBody, content_type, data, max_body=10)

    def test_json_and_a_form_say_the_same(self) -> None:
        as_json = self.decode(
            "application/json; charset=utf-8", b'{"body":" h\xc3\xa9 ","nonce":"n","reply_to":4}'
        )
        as_form = self.decode("application/x-www-form-urlencoded", b"body=+h%C3%A9+&nonce=n&reply_to=4&x=y")

        assert as_json == as_form == wire_bodies.PostBody("hé", "n", 4)

    def test_a_call_without_a_type_is_taken_for_json(self) -> None:
        assert self.decode("", b'{"body":"x"}') == wire_bodies.PostBody("x")

    @pytest.mark.parametrize(
        ("content_type", "data", "field"),
        [
            ("application/x-www-form-urlencoded", b"", "body"),
            ("application/x-www-form-urlencoded", b"body=", "body"),
            ("application/x-www-form-urlencoded", b"body=x&body=y", "body"),
            ("application/x-www-form-urlencoded", b"body=%ff", "UTF-8"),
            ("application/x-www-form-urlencoded", b"body=%00x", "body"),
            ("application/x-www-form-urlencoded", b"body=%ED%A0%80", "UTF-8"),
            ("application/x-www-form-urlencoded", "body=x&reply_to=٥".encode(), "reply_to"),
            ("application/x-www-form-urlencoded", b"body=x&reply_to=1.0", "reply_to"),
            ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(99)), "many"),
            ("application/json", b'{"body":["x"]}', "body"),
            ("application/json", b'{"body":"x","reply_to":"4"}', "reply_to"),
            ("application/json", b"", "JSON"),
            ("text/plain", b"hello", "Content-Type"),
            ("multipart/form-data; boundary=x", b"--x--", "Content-Type"),
        ],
    )
    def test_what_is_wrong_is_named(self, content_type: str, data: bytes, field: str) -> None:
        with pytest.raises(BadRequest) as caught:
            self.decode(content_type, data)

        assert field in caught.value.detail

    def test_the_nonce_is_echoed(self) -> None:
        for content_type, data in (
            ("application/json", b'{"body":"","nonce":"abc"}'),
            ("application/json", b'{"body":7,"nonce":"abc"}'),
            ("application/x-www-form-urlencoded", b"body=&nonce=abc"),
        ):
            with pytest.raises(BadRequest) as caught:
                self.decode(content_type, data)
            assert caught.value.nonce == "abc"

    def test_a_redaction_needs_no_body(self) -> None:
        assert (
            wire_bodies.decode_body(wire_bodies.RedactBody, "", b"", max_body=10) == wire_bodies.RedactBody()
        )
        assert (
            wire_bodies.decode_body(wire_bodies.RedactBody, "", b'{"reason":"  "}', max_body=10)
            == wire_bodies.RedactBody()
        )


class TestQueries:
    @pytest.mark.parametrize(
        ("query", "found"),
        [
            (b"", queries.HistoryQuery(Newest(50), None, None)),
            (b"limit=200", queries.HistoryQuery(Newest(200), None, None)),
            (b"after=0", queries.HistoryQuery(After(0, 50), None, None)),
            (b"after=9223372036854775807", queries.HistoryQuery(After(2**63 - 1, 50), None, None)),
            (b"before=7&limit=1&epoch=e", queries.HistoryQuery(Before(7, 1), None, "e")),
            (b"after=7&wait=60", queries.HistoryQuery(After(7, 50), 60.0, None)),
            (b"after=7&wait=0.25", queries.HistoryQuery(After(7, 50), 0.25, None)),
            (b"after=7&wait=0&colour=red", queries.HistoryQuery(After(7, 50), 0.0, None)),
        ],
    )
    def test_they_are_decoded(self, query: bytes, found: queries.HistoryQuery) -> None:
        assert queries.decode_history_query(query) == found

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            (b"after=-1", "after"),
            ("after=٥".encode(), "after"),
            (b"after=%D9%A5", "after"),
            (b"after=1e400", "after"),
            (b"after=1.0", "after"),
            (b"after=", "after"),
            (b"after=+1", "after"),
            (b"after=1_0", "after"),
            (b"after=9223372036854775808", "after"),
            (b"after=" + b"9" * 5000, "after"),
            (b"after=1&after=1", "after"),
            (b"after=1&before=2", "before"),
            (b"before=x", "before"),
            (b"limit=0", "limit"),
            (b"limit=201", "limit"),
            (b"limit=ten", "limit"),
            (b"wait=5", "wait"),
            (b"before=5&wait=5", "wait"),
            (b"after=1&wait=61", "wait"),
            (b"after=1&wait=60.1", "wait"),
            (b"after=1&wait=-1", "wait"),
            (b"after=1&wait=nan", "wait"),
            (b"after=1&wait=1e1", "wait"),
            (b"after=1&wait=.5", "wait"),
            (b"after=%ff", "UTF-8"),
            (b"epoch=" + b"e" * 65, "epoch"),
        ],
    )
    def test_what_is_wrong_is_named(self, query: bytes, field: str) -> None:
        with pytest.raises(BadRequest) as caught:
            queries.decode_history_query(query)

        assert field in caught.value.detail

    def test_a_streams_reconnect_goes_over_its_address(self) -> None:
        assert queries.decode_stream_query(b"after=3&epoch=e", None) == queries.StreamQuery(3, "e")
        assert queries.decode_stream_query(b"after=3", "9") == queries.StreamQuery(9, None)
        assert queries.decode_stream_query(b"", "") == queries.StreamQuery(None, None)
        with pytest.raises(BadRequest, match="Last-Event-ID"):
            queries.decode_stream_query(b"", "x")


class TestMessages:
    def test_a_plain_one_is_as_documented(self) -> None:
        assert wire.encode_message(POSTED) == (
            b'{"id":205,"room":"lobby","kind":"message","author":{"id":3,"name":"ana"},"body":"hello",'
            b'"created_at":"2026-11-20T12:00:00.123456Z","nonce":"8c1f0a4e"}'
        )

    def test_what_is_absent_is_left_out(self) -> None:
        told = json.loads(
            wire.encode_message(
                Posted(1, "a", Kind.REDACTION, None, None, NOON, "n", target=7, redacted=False)
            )
        )

        assert set(told) == {"id", "room", "kind", "created_at", "nonce", "target"}

    def test_all_that_can_be_there(self) -> None:
        posted = Posted(
            9, "a", Kind.MESSAGE, Author("u-u", "é"), "x", NOON, "n", 1, 2,
            redacted=True, edited_at=NOON, changed=8,
        )  # fmt: skip
        told = json.loads(wire.encode_message(posted))

        assert told["author"] == {"id": "u-u", "name": "é"}
        assert (told["target"], told["reply_to"], told["redacted"], told["changed"]) == (1, 2, True, 8)
        assert told["edited_at"] == "2026-11-20T12:00:00.123456Z"

    def test_mentions_and_reactions_are_as_documented(self) -> None:
        posted = Posted(
            9, "a", Kind.MESSAGE, None, "x", NOON, "n",
            mentions=(Author(3, "ana"), Author("u-u", "Ben")), reactions=(Reaction("é", 2, (3, "u-u")),),
        )  # fmt: skip
        told = wire.encode_message(posted)

        assert told.endswith(
            '"mentions":[{"id":3,"name":"ana"},{"id":"u-u","name":"Ben"}],'
            '"reactions":[{"body":"é","count":2,"users":[3,"u-u"]}]}'.encode()
        )

    @pytest.mark.parametrize(
        ("notice", "told"),
        [
            (Notice(Event.ARCHIVED), {"event": "archived"}),
            (Notice(Event.TOPIC, value=""), {"event": "topic", "value": ""}),
            (Notice(Event.GUESTS, value=False), {"event": "guests", "value": False}),
            (Notice(Event.SLOW_MODE, value=0), {"event": "slow_mode", "value": 0}),
            (
                Notice(Event.BANNED, Author(3, "ana"), None, NOON),
                {
                    "event": "banned",
                    "about": {"id": 3, "name": "ana"},
                    "until": "2026-11-20T12:00:00.123456Z",
                },
            ),
        ],
    )
    def test_a_notice_tells_what_there_is_to_tell(self, notice: Notice, told: dict[str, Any]) -> None:
        posted = Posted(9, "a", Kind.NOTICE, None, "x", NOON, "n", notice=notice)

        assert repr(json.loads(wire.encode_message(posted))["notice"]) == repr(told)

    def test_moments_are_utc_with_six_digits_whatever_they_were(self) -> None:
        local = datetime(2026, 11, 20, 13, tzinfo=timezone(timedelta(hours=1)))
        posted = Posted(1, "a", Kind.MESSAGE, None, "x", local, "n")

        assert json.loads(wire.encode_message(posted))["created_at"] == "2026-11-20T12:00:00.000000Z"

    def test_text_is_raw_utf_8_in_one_line(self) -> None:
        told = wire.encode_message(Posted(1, "a", Kind.MESSAGE, None, "é😀\n\r\u2028</script>", NOON, "n"))

        assert "é😀".encode() in told
        assert b"\n" not in told
        assert b"\r" not in told


class TestFrames:
    def encoded(self, *sizes: int) -> list[Encoded]:
        return [Encoded(10 * n, b'"' + b"x" * (size - 2) + b'"') for n, size in enumerate(sizes, 1)]

    def test_a_batch_that_fits_is_one_frame(self) -> None:
        frames = list(wire.message_frames("lobby", 5, self.encoded(10, 10), 1000))

        assert [json.loads(frame) for frame in frames] == [
            {"type": "messages", "room": "lobby", "prev": 5, "messages": ["x" * 8, "x" * 8]}
        ]

    def test_one_that_does_not_is_split_and_each_part_joins_on_to_the_last(self) -> None:
        frames = list(wire.message_frames("lobby", 5, self.encoded(*[300] * 5), 1000))

        assert all(len(frame) <= 1000 for frame in frames)
        assert [json.loads(frame)["prev"] for frame in frames] == [5, 20, 40]
        assert [len(json.loads(frame)["messages"]) for frame in frames] == [2, 2, 1]

    @given(st.lists(st.integers(2, 700), min_size=1, max_size=30), st.integers(1000, 3000))
    def test_no_split_loses_or_oversteps(self, sizes: list[int], limit: int) -> None:
        messages = self.encoded(*sizes)
        frames = list(wire.message_frames("r" * 64, 0, messages, limit))
        told = [text for frame in frames for text in json.loads(frame)["messages"]]

        assert told == [json.loads(message.data) for message in messages]
        assert all(len(frame) <= limit for frame in frames)

    def test_a_page(self) -> None:
        page = wire.encode_page("lobby", "e", [b'{"id":1}', b'{"id":2}'], last_id=2, more=True)

        assert page == b'{"room":"lobby","epoch":"e","messages":[{"id":1},{"id":2}],"last_id":2,"more":true}'
        assert json.loads(wire.encode_page("a", "e", [], last_id=0, more=False))["messages"] == []

    def test_a_guest_is_greeted_without_a_user(self) -> None:
        ana = Identity(3, "ana", Credential(session_key="s"))

        assert json.loads(wire.encode_hello(ana, "e", "chat"))["user"] == {"id": 3, "name": "ana"}
        assert json.loads(wire.encode_hello(None, "e", "chat")) == {
            "type": "hello",
            "epoch": "e",
            "server": "chat",
        }
