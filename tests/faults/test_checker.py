"""The checker finds a planted case of each kind, and nothing in histories of a server that keeps its word."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.faults.checker import Kind, check, summary
from tests.faults.history import (
    Acknowledged,
    Began,
    Event,
    History,
    Looked,
    Message,
    Placed,
    Received,
    Refused,
    Restored,
    Sent,
    Unknown,
    WasReset,
    percentile,
)

ROOM, OTHER = "lobby", "attic"


def message(key: int) -> Message:
    """Return the message that is stored under an id in a history without faults."""
    return Message(key, ROOM, f"n{key}", f"body of n{key}")


def honest(count: int = 4) -> History:
    """Return what happens where nothing goes wrong: messages 1 to `count`, and one reader of them."""
    history = History(itertools.count(1).__next__)
    history.add(Began(0, "ana", ROOM, 0))
    history.add(Placed(0, "ana", 0, "c1"))
    for key in range(1, count + 1):
        told = message(key)
        history.add(Sent(history.now_s(), ROOM, told.nonce, told.body, "w1"))
        history.add(Acknowledged(history.now_s(), ROOM, told.nonce, key, "w1"))
        history.add(Received(history.now_s(), "ana", told, "c1"))
    history.log = {ROOM: [message(key) for key in range(1, count + 1)], OTHER: []}
    history.live = {"ana"}
    return history


def kinds(history: History) -> set[Kind]:
    """Return what is wrong."""
    return {anomaly.kind for anomaly in check(history)}


def without(history: History, unwanted: Callable[[Event], bool]) -> None:
    """Take events out."""
    history.events = [event for event in history.events if not unwanted(event)]


def received(event: Event, key: int) -> bool:
    """Whether this is the receipt of a message."""
    return isinstance(event, Received) and event.message.id == key


def test_nothing_is_wrong_where_all_went_well() -> None:
    assert check(honest()) == []
    assert summary([]) == "0"


def test_lost() -> None:
    history = honest()
    del history.log[ROOM][-1]
    without(history, lambda event: received(event, 4))
    assert kinds(history) == {Kind.LOST}


def test_acknowledged_under_another_id_than_stored_is_lost() -> None:
    history = honest()
    history.events = [
        replace(event, id=7) if isinstance(event, Acknowledged) and event.id == 4 else event
        for event in history.events
    ]
    assert kinds(history) == {Kind.LOST}


def test_absent_from_a_page_that_was_asked_for_after_the_acknowledgement() -> None:
    history = honest()
    history.add(Looked(200, 100, ROOM, 1, None, (2, 4)))
    assert kinds(history) == {Kind.ABSENT}


@pytest.mark.parametrize(
    "page",
    [
        Looked(200, 100, ROOM, 1, None, (2, 3, 4)),
        Looked(200, 100, ROOM, 1, 3, (2, 3)),
        Looked(200, 100, ROOM, 3, None, (4,)),
        Looked(200, 0, ROOM, 0, None, ()),
    ],
    ids=["all", "up to its end", "after its cursor", "asked for before"],
)
def test_a_page_need_not_hold_what_it_was_not_asked_for(page: Looked) -> None:
    history = honest()
    history.add(page)
    assert check(history) == []


def test_one_send_stored_twice() -> None:
    history = honest()
    twin = replace(message(4), id=5)
    history.log[ROOM].append(twin)
    history.add(Received(99, "ana", twin, "c1"))
    assert kinds(history) == {Kind.DOUBLED}


def test_one_send_acknowledged_under_two_ids() -> None:
    history = honest()
    history.add(Acknowledged(99, ROOM, "n4", 5, "w1"))
    assert Kind.DOUBLED in kinds(history)


def test_one_message_given_twice() -> None:
    history = honest()
    history.add(Received(99, "ana", message(4), "c2"))
    assert kinds(history) == {Kind.DOUBLED}


def test_given_out_of_order() -> None:
    history = honest()
    place = next(place for place, event in enumerate(history.events) if received(event, 2))
    event = history.events.pop(place)
    history.add(event)
    assert kinds(history) == {Kind.SKIPPED, Kind.DISORDERED}


def test_the_log_itself_out_of_order() -> None:
    history = honest()
    history.log[ROOM].reverse()
    assert kinds(history) == {Kind.DISORDERED}


def test_one_connection_s_sends_stored_in_another_order() -> None:
    history = honest(2)
    history.events = [
        Sent(0, ROOM, "n2", message(2).body, "w1"),
        Sent(1, ROOM, "n1", message(1).body, "w1"),
        Acknowledged(2, ROOM, "n2", 2, "w1"),
        Acknowledged(2, ROOM, "n1", 1, "w1"),
    ]
    history.live = set()
    assert kinds(history) == {Kind.DISORDERED}


def test_what_was_sent_again_may_be_stored_later() -> None:
    history = honest(2)
    history.events = [
        Sent(0, ROOM, "n2", message(2).body, "w1"),
        Refused(1, ROOM, "n2", "unavailable"),
        Sent(1, ROOM, "n1", message(1).body, "w1"),
        Acknowledged(2, ROOM, "n1", 1, "w1"),
        Sent(3, ROOM, "n2", message(2).body, "w1"),
        Acknowledged(4, ROOM, "n2", 2, "w1"),
    ]
    history.live = set()
    assert check(history) == []


def test_skipped_by_a_later_message() -> None:
    history = honest()
    without(history, lambda event: received(event, 3))
    assert kinds(history) == {Kind.SKIPPED}


def test_skipped_since_the_server_placed_the_reader_further_on() -> None:
    history = honest()
    without(history, lambda event: received(event, 4))
    history.add(Placed(99, "ana", 4, "c2"))
    assert kinds(history) == {Kind.SKIPPED}


def test_a_phantom_that_nobody_sent() -> None:
    history = honest()
    ghost = Message(5, ROOM, "ghost", "boo")
    history.log[ROOM].append(ghost)
    history.add(Received(99, "ana", ghost, "c1"))
    assert kinds(history) == {Kind.PHANTOM}


def test_a_phantom_that_was_given_and_never_committed() -> None:
    history = honest()
    history.add(Sent(98, ROOM, "n5", message(5).body, "w1"))
    history.add(Unknown(99, ROOM, "n5"))
    history.add(Received(99, "ana", message(5), "c1"))
    assert kinds(history) == {Kind.PHANTOM}


def test_never_received() -> None:
    history = honest()
    without(history, lambda event: received(event, 4))
    assert kinds(history) == {Kind.UNRECEIVED}
    history.live = set()
    assert check(history) == []


def test_refused_and_present() -> None:
    history = honest()
    history.add(Sent(98, ROOM, "n5", message(5).body, "w1"))
    history.add(Refused(99, ROOM, "n5", "forbidden"))
    history.log[ROOM].append(message(5))
    history.add(Received(99, "ana", message(5), "c1"))
    assert kinds(history) == {Kind.REFUSED_PRESENT}


@pytest.mark.parametrize("first", [Refused(98, ROOM, "n5", "unavailable"), Unknown(98, ROOM, "n5")])
def test_what_was_in_doubt_before_it_was_refused_may_be_present(first: Event) -> None:
    history = honest()
    history.add(Sent(97, ROOM, "n5", message(5).body, "w1"))
    history.add(first)
    history.add(Refused(99, ROOM, "n5", "forbidden"))
    history.log[ROOM].append(message(5))
    history.add(Received(99, "ana", message(5), "c1"))
    assert check(history) == []


@pytest.mark.parametrize("changed", [{"body": "other"}, {"room": OTHER}], ids=["body", "room"])
def test_given_altered(changed: dict[str, Any]) -> None:
    history = honest()
    last = history.events.pop()
    assert isinstance(last, Received)
    history.add(replace(last, message=replace(last.message, **changed)))
    assert Kind.ALTERED in kinds(history)


def test_stored_altered() -> None:
    history = honest()
    history.log[ROOM][3] = replace(message(4), body="other")
    assert kinds(history) == {Kind.ALTERED}


def test_made_to_begin_anew_for_nothing() -> None:
    history = honest()
    history.add(WasReset(99, "ana", 4, "c2"))
    assert kinds(history) == {Kind.RESET}


def test_a_restore_excuses_what_was_before_it_and_nothing_after() -> None:
    history = honest()
    history.add(Restored(99))
    history.add(WasReset(100, "ana", 2, "c1"))
    del history.log[ROOM][2:]
    again = replace(message(3), nonce="n9", body="body of n9")
    history.add(Sent(101, ROOM, "n9", again.body, "w1"))
    history.add(Acknowledged(102, ROOM, "n9", 3, "w1"))
    history.log[ROOM].append(again)
    history.add(Received(103, "ana", again, "c1"))
    assert check(history) == []
    history.log[ROOM].pop()
    assert kinds(history) == {Kind.LOST, Kind.PHANTOM}


@st.composite
def histories(draw: st.DrawFn) -> History:
    """Make a history of a server that keeps its word, whatever the network and the readers do."""
    history = History(itertools.count(1).__next__)
    log: list[Message] = []
    cursors = {"ana": 0, "bob": 0}
    for name in cursors:
        history.add(Began(0, name, ROOM, 0))
    for number in range(draw(st.integers(0, 12))):
        _send(draw, history, log, number)
        for name, cursor in cursors.items():
            cursors[name] = _read(draw, history, log, name, cursor, all_of_it=False)
    for name, cursor in cursors.items():
        _read(draw, history, log, name, cursor, all_of_it=True)
    history.log = {ROOM: log}
    history.live = set(cursors)
    return history


def _send(draw: st.DrawFn, history: History, log: list[Message], number: int) -> None:
    """Send until answered, refused for good, or given up; any attempt that is in doubt may store it."""
    nonce, stored = f"n{number}", None
    for attempt in range(draw(st.integers(1, 3))):
        history.add(Sent(history.now_s(), ROOM, nonce, nonce, f"w{number}/{attempt}"))
        if stored is None and draw(st.booleans()):
            key = (log[-1].id if log else 0) + draw(st.integers(1, 3))
            stored = Message(key, ROOM, nonce, nonce)
            log.append(stored)
        if stored is not None and draw(st.booleans()):
            history.add(Acknowledged(history.now_s(), ROOM, nonce, stored.id, f"w{number}/{attempt}"))
            began_s = history.now_s()
            after = draw(st.integers(0, stored.id))
            ids = tuple(one.id for one in log if one.id > after)
            history.add(Looked(history.now_s(), began_s, ROOM, after, None, ids))
            return
        if draw(st.booleans()):
            history.add(Unknown(history.now_s(), ROOM, nonce))
        else:
            history.add(Refused(history.now_s(), ROOM, nonce, "unavailable"))
    if stored is None:
        history.add(Refused(history.now_s(), ROOM, nonce, "forbidden"))


def _read(
    draw: st.DrawFn, history: History, log: list[Message], name: str, cursor: int, *, all_of_it: bool
) -> int:
    """Read on after the cursor, a while, on a new connection or not."""
    if draw(st.booleans()):
        history.add(Placed(history.now_s(), name, cursor, draw(st.sampled_from("abc"))))
    waiting = [one for one in log if one.id > cursor]
    if not all_of_it:
        waiting = waiting[: draw(st.integers(0, 3))]
    for one in waiting:
        history.add(Received(history.now_s(), name, one, "a"))
        cursor = one.id
    return cursor


@given(histories())
def test_no_history_of_an_honest_server_is_wrong(history: History) -> None:
    assert check(history) == []


@given(histories(), st.data())
def test_a_message_missing_anywhere_is_found(history: History, data: st.DataObject) -> None:
    """Whatever single receipt is taken out of an honest history, somebody lacks a message."""
    receipts = [event for event in history.events if isinstance(event, Received)]
    if receipts:
        history.events.remove(data.draw(st.sampled_from(receipts)))
        assert kinds(history) & {Kind.SKIPPED, Kind.UNRECEIVED}


def test_how_long_things_took() -> None:
    history = honest(2)
    assert history.acknowledgements_s() == [1, 1]
    assert history.deliveries_s() == [1, 1]
    assert [took for _at_s, took in history.answers_s()] == [1, 1]
    assert history.acknowledgements_s(without=ROOM) == []
    assert [percentile([3, 1, 2], share) for share in (0, 0.5, 0.99)] == [1, 2, 3]
    assert percentile([], 0.99) == 0
