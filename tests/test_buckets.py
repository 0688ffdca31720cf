"""How fast people may send: buckets on a clock, then the answers on both ways to send."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.task import Clock

from realtime import config
from realtime.buckets import Buckets, Rate, Sends
from realtime.config import Config
from realtime.errors import RateLimited
from tests.support_bytes import Response
from tests.support_edge import ANA, COOKIE, CSRF, Edge
from tests.support_realtime import NOON

SLOW = Rate(per_minute=60, burst=3)
BEN = replace(ANA, user_id=4)
HERE, THERE = "203.0.113.9", "203.0.113.10"


class TestBuckets:
    def test_a_burst_then_one_each_time_the_rate_gives_one(self) -> None:
        clock = Clock()
        buckets = Buckets(clock.seconds, 10)
        for _ in range(3):
            assert buckets.wait_s("ana", SLOW) == 0
            buckets.take("ana", SLOW)

        assert buckets.wait_s("ana", SLOW) == pytest.approx(1.0)
        clock.advance(0.75)
        assert buckets.wait_s("ana", SLOW) == pytest.approx(0.25)
        clock.advance(0.25)
        assert buckets.wait_s("ana", SLOW) == 0
        assert buckets.wait_s("ben", SLOW) == 0

    def test_it_never_holds_more_than_its_size(self) -> None:
        clock = Clock()
        buckets = Buckets(clock.seconds, 10)
        buckets.take("ana", SLOW)
        clock.advance(3_600)
        for _ in range(3):
            buckets.take("ana", SLOW)

        assert buckets.wait_s("ana", SLOW) > 0

    def test_full_ones_are_forgotten(self) -> None:
        clock = Clock()
        buckets = Buckets(clock.seconds, 10)
        for name in ("ana", "ben", "eve"):
            buckets.take(name, SLOW)
        assert len(buckets) == 3
        clock.advance(1)
        buckets.take("zoe", SLOW)

        assert len(buckets) == 1

    def test_no_more_are_kept_than_may_be_and_those_in_use_stay(self) -> None:
        clock = Clock()
        buckets = Buckets(clock.seconds, 5)
        for number in range(100):
            buckets.take("ana", Rate(1, 200))
            buckets.take(number, SLOW)
        assert len(buckets) == 5

        for _ in range(100):
            buckets.take("ana", Rate(1, 200))
        assert buckets.wait_s("ana", Rate(1, 200)) > 0


class TestSends:
    def sends(self, clock: Clock, **settings: Any) -> Sends:
        return Sends(Config(**settings), clock.seconds, lambda: NOON, 100)

    def test_each_user_has_a_bucket_and_is_told_when_to_come_back(self) -> None:
        clock = Clock()
        sends = self.sends(clock, sends_per_minute=12, sends_burst=2)
        sends.take(ANA, "")
        sends.take(ANA, "")
        with pytest.raises(RateLimited, match="12 times a minute") as told:
            sends.take(ANA, "")
        sends.take(BEN, "")

        assert told.value.retry_after_s == 5
        clock.advance(2.5)
        with pytest.raises(RateLimited) as told:
            sends.take(ANA, "")
        assert told.value.retry_after_s == 3, "who comes then comes too early"
        clock.advance(2.5)
        sends.take(ANA, "")

    def test_an_address_has_one_for_all_its_users(self) -> None:
        clock = Clock()
        sends = self.sends(clock, sends_per_minute_address=4)
        sends.take(ANA, HERE)
        sends.take(BEN, HERE)
        with pytest.raises(RateLimited, match="Your address") as told:
            sends.take(ANA, HERE)
        sends.take(ANA, THERE)

        assert told.value.retry_after_s == 15

    def test_what_an_address_is_refused_costs_its_user_nothing(self) -> None:
        sends = self.sends(Clock(), sends_burst=2, sends_per_minute_address=2)
        sends.take(BEN, HERE)
        for _ in range(5):
            with pytest.raises(RateLimited, match="Your address"):
                sends.take(ANA, HERE)

        sends.take(ANA, THERE)
        sends.take(ANA, "")

    def test_what_a_user_is_refused_costs_the_address_nothing(self) -> None:
        sends = self.sends(Clock(), sends_burst=1, sends_per_minute_address=4)
        sends.take(ANA, HERE)
        for _ in range(5):
            with pytest.raises(RateLimited, match="You send"):
                sends.take(ANA, HERE)

        sends.take(BEN, HERE)

    def test_an_address_that_nobody_knows_is_not_bound_nor_any_with_a_limit_of_0(self) -> None:
        unknown = self.sends(Clock(), sends_per_minute_address=1)
        unbound = self.sends(Clock(), sends_per_minute_address=0)
        for _ in range(20):
            unknown.take(ANA, "")
            unbound.take(ANA, HERE)

    def test_a_new_account_sends_less_until_it_is_not_new(self) -> None:
        clock = Clock()
        sends = self.sends(clock, sends_per_minute_new=2, sends_burst=5, new_account_hours=24)
        new = replace(ANA, since=NOON - timedelta(hours=23, minutes=59))
        old = replace(BEN, since=NOON - timedelta(hours=24))
        for _ in range(2):
            sends.take(new, "")
        for _ in range(5):
            sends.take(old, "")
        for refused in (new, old):
            with pytest.raises(RateLimited):
                sends.take(refused, "")

    def test_nobody_is_new_where_the_hours_are_0_nor_is_one_of_unknown_age(self) -> None:
        sends = self.sends(Clock(), sends_per_minute_new=1, new_account_hours=0)
        for _ in range(5):
            sends.take(replace(ANA, since=NOON), "")
        sends = self.sends(Clock(), sends_per_minute_new=1)
        for _ in range(5):
            sends.take(BEN, "")

    def test_behind_a_proxy_that_tells_nothing_no_address_is_bound(self) -> None:
        https = {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_FORWARDED_PROTO", "https")}
        silent = config.from_settings(SimpleNamespace(**https))
        telling = config.from_settings(SimpleNamespace(**https, CHAT_TRUSTED_PROXIES=1))

        assert silent.sends_per_minute_address == 0
        assert telling.sends_per_minute_address > 0


class TestAnswers:
    """What is refused is told so, and goes through later under the same nonce."""

    def edge(self, **settings: Any) -> Edge:
        edge = Edge(config=Config(sends_per_minute=30, sends_burst=2, **settings))
        edge.post("lobby", "one")
        return edge

    def send(self, edge: Edge, nonce: str, method: str = "POST", path: str = "", **headers: Any) -> Response:
        connection = edge.connect(host=headers.pop("host", "127.0.0.1"))
        body = json.dumps({"body": "+1", "nonce": nonce}).encode()
        path = f"/api/rooms/lobby/messages{path}"
        connection.ask(method, path, body, Content_Type="application/json", **CSRF, **headers)
        edge.publish()
        return connection.response()

    def test_by_http_with_429_and_when_to_come_back(self) -> None:
        edge = self.edge()
        assert [self.send(edge, nonce).status for nonce in ("a", "b")] == [201, 201]
        refused = self.send(edge, "c")

        assert (refused.status, refused.code, refused.headers["retry-after"]) == (429, "rate_limited", "2")
        assert refused.json["nonce"] == "c"
        assert len(edge.chat.rows["lobby"]) == 3, "what is refused does not reach the writer"
        edge.clock.advance(2)
        assert self.send(edge, "c").status == 201

    def test_by_http_edits_redactions_and_reactions_count_as_well(self) -> None:
        for method, path in (("PATCH", "/1"), ("DELETE", "/1"), ("POST", "/1/reactions")):
            edge = self.edge()
            for nonce in ("a", "b"):
                assert self.send(edge, nonce, method, path).status in (200, 201)
            assert self.send(edge, "c", method, path).code == "rate_limited", path

    def test_on_a_socket_with_an_error_that_names_nonce_and_room(self) -> None:
        edge = self.edge()
        socket = edge.socket(**COOKIE)
        socket.told()
        for kind, fields in (
            ("send", {"body": "hello"}),
            ("edit", {"target": 1, "body": "hello"}),
            ("redact", {"target": 1}),
            ("react", {"target": 1, "body": "+1"}),
            ("unreact", {"target": 1, "body": "+1"}),
        ):
            edge.clock.advance(4)
            for nonce in ("a", "b", "c"):
                socket.send({"type": kind, "room": "lobby", "nonce": kind + nonce, **fields})
            edge.publish()
            frames = socket.told()
            sent = [frame for frame in frames if frame["type"] == "sent"]
            [error] = [frame for frame in frames if frame["type"] == "error"]

            assert [one["nonce"] for one in sent[0]["sent"]] == [f"{kind}a", f"{kind}b"]
            assert (error["code"], error["nonce"], error["room"]) == ("rate_limited", f"{kind}c", "lobby")
            assert error["retry_after"] == 2
        edge.clock.advance(2)
        socket.send({"type": "unreact", "room": "lobby", "nonce": "unreactc", "target": 1, "body": "+1"})
        edge.publish()
        assert [frame["type"] for frame in socket.told()] == ["sent"]

    def test_both_ways_and_all_connections_of_a_user_share_a_bucket(self) -> None:
        edge = self.edge()
        socket = edge.socket(**COOKIE)
        socket.told()
        socket.send({"type": "send", "room": "lobby", "body": "hello", "nonce": "a"})
        assert self.send(edge, "b").status == 201

        assert self.send(edge, "c").status == 429

    def test_the_address_behind_the_proxies_is_the_one_that_counts(self) -> None:
        edge = self.edge(sends_per_minute_address=2, trusted_proxies=1)
        first = self.send(edge, "a", X_Forwarded_For=HERE)
        again = self.send(edge, "b", X_Forwarded_For=f"{THERE}, {HERE}")
        other = self.send(edge, "b", X_Forwarded_For=THERE)

        assert (first.status, again.status, other.status) == (201, 429, 201)
        assert "address" in again.json["detail"]

    def test_on_a_socket_it_is_that_of_the_handshake(self) -> None:
        edge = self.edge(sends_per_minute_address=2, trusted_proxies=1)
        assert self.send(edge, "a", X_Forwarded_For=HERE).status == 201
        for address, expected in ((HERE, "error"), (THERE, "sent")):
            socket = edge.socket(X_Forwarded_For=address, **COOKIE)
            socket.told()
            socket.send({"type": "send", "room": "lobby", "body": "hello", "nonce": f"to-{expected}"})
            edge.publish()
            assert [frame["type"] for frame in socket.told()] == [expected]
