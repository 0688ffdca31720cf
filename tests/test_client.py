"""A caller on a WebSocket: joins, sends, and their order."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from realtime import limits
from rooms.messages import Code, Refused, Stored
from tests.support_bytes import Socket
from tests.support_client import hello, ids, join, overhear, send
from tests.support_edge import ANA, Edge


@pytest.fixture
def edge() -> Edge:
    edge = Edge()
    edge.post("lobby", "one", "two", "three")
    edge.post("den", "four")
    return edge


@pytest.fixture
def socket(edge: Edge) -> Socket:
    return hello(edge)


class TestJoining:
    def test_after_replays_then_goes_live(self, edge: Edge, socket: Socket) -> None:
        joined, messages = join(socket, after=1, epoch="one")
        edge.post("lobby", "five")
        (live,) = socket.told()

        assert joined == {"type": "joined", "room": "lobby", "after": 1, "last_id": 3, "epoch": "one"}
        assert (messages["prev"], ids([messages])) == (1, [2, 3])
        assert (live["prev"], live["messages"][0]["body"]) == (3, "five")

    def test_without_a_cursor_it_is_live_only(self, edge: Edge, socket: Socket) -> None:
        (joined,) = join(socket)
        edge.post("lobby", "five")

        assert (joined["after"], joined["last_id"]) == (3, 3)
        assert ids(socket.told()) == [5]

    @pytest.mark.parametrize(
        ("last", "after", "found"), [(2, 1, [2, 3]), (3, 0, [1, 2, 3]), (200, 0, [1, 2, 3])]
    )
    def test_last_gives_the_newest(self, socket: Socket, last: int, after: int, found: list[int]) -> None:
        frames = join(socket, last=last)

        assert frames[0]["after"] == after
        assert (frames[1]["prev"], ids(frames)) == (after, found)

    @pytest.mark.parametrize(
        "fields", [{"after": 9}, {"after": 1, "epoch": "other"}, {"last": 2, "epoch": "other"}]
    )
    def test_what_cannot_be_resumed_is_reset_and_live(
        self, edge: Edge, socket: Socket, fields: dict[str, Any]
    ) -> None:
        assert join(socket, **fields) == [{"type": "reset", "room": "lobby", "after": 3, "epoch": "one"}]
        edge.post("lobby", "five")
        assert ids(socket.told()) == [5]

    def test_joining_again_with_after_starts_anew_from_there(self, edge: Edge, socket: Socket) -> None:
        join(socket, after=3)
        frames = join(socket, after=1)
        edge.post("lobby", "five")

        assert (frames[0]["after"], ids(frames)) == (1, [2, 3])
        assert ids(socket.told()) == [5], "given twice"

    def test_who_comes_back_is_not_asked_about(self, edge: Edge, socket: Socket) -> None:
        join(socket, after=3)
        socket.connection.loseConnection()
        edge.post("lobby", "five")
        again = hello(edge)
        edge.chat.down = True
        frames = join(again, after=3, epoch="one")
        edge.post("lobby", "six")

        assert (frames[0]["after"], frames[0]["last_id"], ids(frames)) == (3, 5, [5])
        assert ids(again.told()) == [6]

    def test_joining_again_without_it_changes_nothing(self, edge: Edge, socket: Socket) -> None:
        join(socket, after=1)
        for fields in ({}, {"last": 2}):
            (joined,) = join(socket, **fields)
            assert (joined["after"], joined["last_id"]) == (3, 3)
        edge.post("lobby", "five")
        assert ids(socket.told()) == [5]

    def test_a_room_that_may_not_be_read_is_an_error_that_names_it(self, edge: Edge, socket: Socket) -> None:
        edge.chat.refusals["lobby"] = Refused(Code.NOT_FOUND, "There is no such room.")

        assert join(socket) == [
            {
                "type": "error",
                "code": "not_found",
                "detail": "There is no such room or message.",
                "room": "lobby",
            }
        ]

    def test_rooms_do_not_mix(self, edge: Edge, socket: Socket) -> None:
        join(socket)
        edge.post("den", "secret")

        assert socket.told() == []

    def test_one_left_for_a_room(self, edge: Edge, socket: Socket) -> None:
        join(socket)
        join(socket, after=0)
        edge.chat.ban("lobby", ANA.user_id)
        edge.hub.access_changed(frozenset({"lobby"}))
        edge.clock.advance(1)
        edge.post("lobby", "not for you")

        assert socket.told() == [{"type": "left", "room": "lobby", "code": "forbidden"}]

    def test_who_was_let_in_again_may_join_again(self, edge: Edge, socket: Socket) -> None:
        join(socket)
        edge.chat.ban("lobby", ANA.user_id)
        edge.hub.access_changed(frozenset({"lobby"}))
        edge.clock.advance(1)
        edge.chat.unban("lobby", ANA.user_id)
        socket.told()

        assert join(socket, after=2)[0]["type"] == "joined"

    def test_leave_ends_it_without_a_word(self, edge: Edge, socket: Socket) -> None:
        join(socket)
        socket.send({"type": "leave", "room": "lobby"})
        socket.send({"type": "leave", "room": "nowhere"})
        edge.post("lobby", "five")

        assert socket.told() == []

    def test_a_new_epoch_resets_the_join(self, edge: Edge, socket: Socket) -> None:
        join(socket)
        edge.chat.epoch = "two"
        edge.hub.heads_seen(edge.chat.heads(["lobby"]))
        edge.clock.advance(1)

        assert socket.told() == [{"type": "reset", "room": "lobby", "after": 3, "epoch": "two"}]

    def test_however_much_waited_for_one_is_answered_after_it(self, edge: Edge, socket: Socket) -> None:
        edge.chat.reading = Deferred()
        socket.send({"type": "join", "room": "lobby"})
        for _one in range(2_000):
            socket.send({"type": "leave", "room": "den"})
        socket.send({"type": "join", "room": "den"})
        edge.chat.reading.callback(None)

        assert [(one["type"], one["room"]) for one in socket.told()] == [
            ("joined", "lobby"),
            ("joined", "den"),
        ]

    def test_joins_are_bounded(self) -> None:
        edge = Edge(sockets=limits.SocketLimits(joins=1))
        edge.post("lobby")
        edge.post("den")
        socket = hello(edge, X_Nothing="1")
        join(socket)

        assert join(socket, room="den")[0]["code"] == "bad_request"
        assert join(socket, after=0)[0]["type"] == "joined"

    def test_what_breaks_in_a_join_closes(
        self, edge: Edge, socket: Socket, caplog: pytest.LogCaptureFixture
    ) -> None:
        edge.chat.refusals["lobby"] = "not what a read returns"  # type: ignore[assignment]
        socket.send({"type": "join", "room": "lobby"})

        assert socket.closed_with() == 1011
        assert "Traceback" in caplog.text

    def test_a_database_that_does_not_answer_leaves_the_socket_open(self, edge: Edge, socket: Socket) -> None:
        edge.chat.down = True
        (error,) = join(socket)

        assert (error["code"], error["room"], error["retry_after"]) == ("unavailable", "lobby", 2)


class TestSending:
    def test_sent_comes_after_the_commit_in_one_frame_for_all_of_it(self, edge: Edge, socket: Socket) -> None:
        for nonce in ("a", "b", "c"):
            send(socket, nonce, reply_to=2)
        assert socket.told() == []
        edge.publish()

        assert socket.told() == [
            {
                "type": "sent",
                "sent": [{"nonce": n, "room": "lobby", "id": i} for n, i in (("a", 5), ("b", 6), ("c", 7))],
            }
        ]

    def test_each_is_a_draft_of_the_caller_in_the_order_sent(self, edge: Edge, socket: Socket) -> None:
        send(socket, "a", reply_to=2)
        socket.send({"type": "edit", "room": "lobby", "target": 1, "body": "new", "nonce": "b"})
        socket.send({"type": "redact", "room": "den", "target": 4, "reason": "spam", "nonce": "c"})
        drafts = [draft for draft, _sender in edge.chat.drafts]

        assert [(d.kind, d.room, d.author_id, d.nonce, d.body, d.target, d.reply_to) for d in drafts] == [
            ("message", "lobby", 3, "a", "say a", None, 2),
            ("edit", "lobby", 3, "b", "new", 1, None),
            ("redaction", "den", 3, "c", "spam", 4, None),
        ]
        assert not any(draft.trusted for draft in drafts)

    def test_a_repeated_nonce_is_sent_with_the_first_id(self, edge: Edge, socket: Socket) -> None:
        send(socket, "again")
        ((draft, sender),) = edge.chat.drafts
        sender.settled([(draft, Stored(edge.chat.rows["lobby"][0], fresh=False))])

        assert socket.told() == [{"type": "sent", "sent": [{"nonce": "again", "room": "lobby", "id": 1}]}]

    def test_what_the_log_refuses_is_an_error_with_nonce_and_room(self, edge: Edge, socket: Socket) -> None:
        send(socket, "a")
        edge.chat.refuse(Code.FORBIDDEN)

        assert socket.told() == [
            {"type": "error", "code": "forbidden", "detail": "no", "nonce": "a", "room": "lobby"}
        ]

    def test_a_full_queue_is_an_error_with_the_nonce(self, edge: Edge, socket: Socket) -> None:
        edge.chat.down = True
        send(socket, "a")
        (error,) = socket.told()

        assert (error["code"], error["nonce"], error["room"]) == ("unavailable", "a", "lobby")

    def test_a_guest_may_not_send(self, edge: Edge) -> None:
        socket = hello(edge, X_Nothing="1")
        send(socket, "a")
        (error,) = socket.told()

        assert (error["code"], error["nonce"]) == ("not_authenticated", "a")
        assert edge.chat.drafts == []

    def test_a_commit_after_the_connection_is_lost_is_told_to_nobody(
        self, edge: Edge, socket: Socket
    ) -> None:
        send(socket, "a")
        socket.connection.hang_up()
        socket.connection.clear()
        edge.publish()

        assert socket.connection.value() == b""

    def test_what_comes_after_a_join_waits_for_it(self, edge: Edge, socket: Socket) -> None:
        edge.chat.reading = Deferred()
        socket.send({"type": "join", "room": "lobby", "after": 3})
        send(socket, "a")
        socket.send({"type": "leave", "room": "lobby"})
        assert edge.chat.drafts == []
        edge.chat.reading.callback(None)

        assert len(edge.chat.drafts) == 1
        edge.publish()
        assert [frame["type"] for frame in socket.told()] == ["joined", "sent"]

    def test_a_join_for_someone_who_left_is_dropped(self, edge: Edge, socket: Socket) -> None:
        edge.chat.reading = Deferred()
        socket.send({"type": "join", "room": "lobby", "after": 0})
        socket.connection.hang_up()
        edge.chat.reading.callback(None)

        assert "lobby" not in {room for room in edge.hub.rooms() if edge.hub._feeds[room]._subscriptions}


class TestPace:
    def test_nothing_more_is_read_while_much_waits_for_a_join(self) -> None:
        edge = Edge(sockets=limits.SocketLimits(waiting_commands=3))
        edge.post("lobby")
        socket = hello(edge, X_Nothing="1")
        edge.chat.reading = Deferred()
        for _ in range(4):
            socket.send({"type": "leave", "room": "lobby"} if _ else {"type": "join", "room": "lobby"})
        assert socket.connection.producerState == "paused"
        edge.chat.reading.callback(None)
        assert socket.connection.producerState == "producing"

    def test_nothing_more_is_read_while_many_sends_wait_for_their_commit(self) -> None:
        edge = Edge(sockets=limits.SocketLimits(unsettled=2))
        socket = hello(edge)
        send(socket, "a")
        assert socket.connection.producerState == "producing"
        send(socket, "b")
        assert socket.connection.producerState == "paused"
        edge.publish()
        assert socket.connection.producerState == "producing"

    def test_nothing_more_is_read_while_what_was_said_is_not_taken(self, socket: Socket) -> None:
        socket.connection.producer.pauseProducing()
        assert socket.connection.producerState == "paused"
        socket.connection.producer.resumeProducing()
        assert socket.connection.producerState == "producing"

    def test_also_where_other_reasons_end_first(self) -> None:
        edge = Edge(sockets=limits.SocketLimits(unsettled=1))
        socket = hello(edge)
        send(socket, "a")
        socket.connection.producer.pauseProducing()
        edge.publish()
        assert socket.connection.producerState == "paused"
        socket.connection.producer.resumeProducing()
        assert socket.connection.producerState == "producing"


class TestBadFrames:
    def test_each_is_an_error_and_the_twentieth_in_a_row_closes(self, socket: Socket) -> None:
        for _ in range(19):
            socket.send_frame(1, b"{")
        assert [frame["code"] for frame in socket.told()] == ["bad_request"] * 19
        socket.send_frame(1, b"{")

        assert socket.closed_with() == 1008

    def test_a_good_one_forgives(self, socket: Socket) -> None:
        for _ in range(3):
            for _ in range(19):
                socket.send({"type": "dance"})
            socket.send({"type": "leave", "room": "lobby"})

        assert not socket.closed_with()

    def test_the_nonce_of_a_bad_send_is_told(self, socket: Socket) -> None:
        socket.send({"type": "send", "room": "lobby", "body": "", "nonce": "abc"})
        (error,) = socket.told()

        assert (error["nonce"], error["room"], error["code"]) == ("abc", "lobby", "bad_request")


class TestOverhearing:
    def test_the_rooms_are_heard_from_their_heads_and_unseen_ones_left_out(
        self, edge: Edge, socket: Socket
    ) -> None:
        edge.chat.refusals["cellar"] = Refused(Code.NOT_FOUND, "no")
        assert overhear(socket, "den", "attic", "cellar") == [("attic", 0), ("den", 4)]
        for room in ("den", "attic", "cellar", "lobby"):
            edge.post(room, "said")

        assert ids(socket.told()) == [5, 6]

    def test_the_next_list_takes_the_place_of_the_last_but_not_of_joins(
        self, edge: Edge, socket: Socket
    ) -> None:
        join(socket, after=3)
        overhear(socket, "den", "lobby")
        assert overhear(socket, "attic") == [("attic", 0)]
        for room in ("den", "lobby", "attic"):
            edge.post(room, "said")

        assert ids(socket.told()) == [6, 7]

    def test_what_is_heard_already_goes_on_where_it_is(self, edge: Edge, socket: Socket) -> None:
        overhear(socket, "den")
        edge.post("den", "five")
        socket.told()
        edge.chat.down = True
        assert overhear(socket, "den") == [("den", 5)]

    def test_a_join_of_what_is_overheard_brings_the_newest_where_it_asks_for_them(
        self, edge: Edge, socket: Socket
    ) -> None:
        overhear(socket, "lobby")
        joined, messages = join(socket, last=2)
        assert (joined["after"], joined["last_id"], ids([messages])) == (1, 3, [2, 3])
        edge.post("lobby", "five")
        assert ids(socket.told()) == [5]

    def test_more_than_a_connection_joins_are_refused(self, edge: Edge, socket: Socket) -> None:
        join(socket)
        overhear(socket, "den")
        most = edge.socket_limits.joins
        socket.send({"type": "overhear", "rooms": [f"r{n}" for n in range(most)]})
        (error,) = socket.told()
        assert (error["code"], "joins at most" in error["detail"]) == ("bad_request", True)
        edge.post("den", "still heard")
        assert len(ids(socket.told())) == 1

        socket.send({"type": "overhear", "rooms": [f"r{n}" for n in range(most + 1)]})
        (error,) = socket.told()
        assert error["code"] == "bad_request"

    def test_where_the_database_does_not_answer_it_is_told(self, edge: Edge, socket: Socket) -> None:
        edge.chat.down = True
        socket.send({"type": "overhear", "rooms": ["den"]})
        (error,) = socket.told()

        assert (error["code"], "room" in error) == ("unavailable", False)
