"""Who is in a room and who types, over processes that a test steps."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import pytest
from twisted.internet.task import Clock

from realtime.hearsay import Hearsay
from realtime.limits import PresenceLimits
from realtime.presence import Presence
from rooms import hints
from rooms.messages import Author, UserId

ANA, BEN, EVE = Author(1, "ana"), Author(2, "ben"), Author(3, "eve")


class Connection:
    """One connection in a room, which keeps what it is shown."""

    def __init__(self, user: Author | None = None) -> None:
        self.user_id: UserId | None = user.id if user else None
        self.willing = True
        self.frames: list[dict[str, Any]] = []

    def hear(self, frame: bytes) -> bool:
        if self.willing:
            self.frames.append(json.loads(frame))
        return self.willing

    @property
    def lists(self) -> list[list[str]]:
        """The names of each list shown."""
        return [[u["name"] for u in f["users"]] for f in self.frames if f["type"] == "presence"]

    @property
    def typists(self) -> list[str]:
        """Who was shown to type."""
        return [frame["user"]["name"] for frame in self.frames if frame["type"] == "typing"]


class Cluster:
    """Some processes: what one says, the others hear a moment later, unless it is lost."""

    def __init__(self, *names: str, limits: PresenceLimits | None = None) -> None:
        self.clock = Clock()
        self.said: list[tuple[float, str, hints.Item]] = []
        self.deaf: set[str] = set()
        self._ears: dict[str, Hearsay] = {}
        self.processes: dict[str, Presence] = {}
        feeds: Any = None
        for name in names:
            presence = Presence(self.clock, limits or PresenceLimits(), self._say(name))
            self.processes[name] = presence
            self._ears[name] = Hearsay(name, feeds, presence, lambda _rooms: None)

    def _say(self, origin: str) -> Callable[[Iterable[hints.Item]], None]:
        def say(items: Iterable[hints.Item]) -> None:
            for item in items:
                self.said.append((self.clock.seconds(), origin, item))
                self.clock.callLater(0.01, self._tell, origin, item)

        return say

    def _tell(self, origin: str, item: hints.Item) -> None:
        for payload in hints.payloads(origin, [item]):
            for name, ear in self._ears.items():
                if name not in self.deaf:
                    ear.take(payload)

    def enter(self, name: str, user: Author | None, room: str = "r") -> tuple[Connection, Callable[[], None]]:
        connection = Connection(user)
        return connection, self.processes[name].enter(room, user, connection)

    def die(self, name: str) -> None:
        """Neither hear nor say anything any more."""
        del self._ears[name], self.processes[name]

    def pass_s(self, duration_s: float) -> None:
        """Let time pass; those that live say so every five seconds."""
        for _ in range(round(duration_s * 10)):
            self.clock.advance(0.1)
            if round(self.clock.seconds() * 10) % 50 == 0:
                for name in self.processes:
                    self._say(name)([("ping",)])

    def count(self, origin: str, sort: str) -> int:
        return sum(1 for _at, by, item in self.said if by == origin and item[0] == sort)


@pytest.fixture
def two() -> Cluster:
    return Cluster("one", "two")


class TestHere:
    def test_who_comes_is_shown_who_is_there(self, two: Cluster) -> None:
        ana, _ = two.enter("one", ANA)
        two.pass_s(2)
        ben, _ = two.enter("one", BEN)
        two.pass_s(2)

        assert ana.lists == [["ana"], ["ana", "ben"]]
        assert ben.lists == [["ana", "ben"]]

    def test_people_of_all_processes_are_shown_in_each(self, two: Cluster) -> None:
        ana, _ = two.enter("one", ANA)
        two.pass_s(5)
        ben, _ = two.enter("two", BEN)
        two.pass_s(5)

        assert ana.lists[-1] == ben.lists[-1] == ["ana", "ben"]

    def test_somebody_with_several_connections_is_one_and_stays_until_the_last_goes(
        self, two: Cluster
    ) -> None:
        eve, _ = two.enter("one", EVE)
        leaves = [two.enter(name, ANA)[1] for name in ("one", "one", "two")]
        two.pass_s(5)
        for leave in leaves[:2]:
            leave()
            two.pass_s(5)
            assert eve.lists[-1] == ["ana", "eve"]
        leaves[2]()
        two.pass_s(5)
        assert eve.lists[-1] == ["eve"]

    def test_a_guest_sees_and_is_not_seen(self, two: Cluster) -> None:
        guest, _ = two.enter("one", None)
        ana, _ = two.enter("two", ANA)
        two.pass_s(5)

        assert guest.lists[-1] == ana.lists[-1] == ["ana"]

    def test_who_left_is_shown_nothing_more(self, two: Cluster) -> None:
        ana, leave = two.enter("one", ANA)
        two.enter("one", EVE)
        two.pass_s(2)
        leave()
        leave()
        before = len(ana.frames)
        two.enter("one", BEN)
        two.processes["one"].typed("r", BEN)
        two.pass_s(5)

        assert len(ana.frames) == before

    def test_rooms_do_not_mix(self, two: Cluster) -> None:
        ana, _ = two.enter("one", ANA, "a")
        two.enter("two", BEN, "b")
        two.enter("one", EVE, "b")
        two.pass_s(5)

        assert ana.lists == [["ana"]]

    def test_changes_of_a_second_are_shown_together_and_nothing_is_shown_twice(self, two: Cluster) -> None:
        ana, _ = two.enter("one", ANA)
        two.pass_s(2)
        for number in range(50):
            _connection, leave = two.enter("one", Author(100 + number, f"u{number}"))
            leave()
            two.pass_s(0.1)
        assert len(ana.lists) <= 7
        two.pass_s(30)
        assert len(ana.lists) <= 8

    def test_one_that_takes_nothing_now_is_shown_the_newest_later(self, two: Cluster) -> None:
        ana, _ = two.enter("one", ANA)
        ana.willing = False
        for user in (BEN, EVE):
            two.enter("one", user)
            two.pass_s(3)
        assert ana.frames == []
        ana.willing = True
        two.pass_s(3)
        assert ana.lists == [["ana", "ben", "eve"]]

    def test_a_connection_that_fails_does_not_keep_others_from_seeing(
        self, two: Cluster, caplog: pytest.LogCaptureFixture
    ) -> None:
        broken, _ = two.enter("one", ANA)
        broken.frames = None  # type: ignore[assignment]
        ben, _ = two.enter("one", BEN)
        two.pass_s(2)

        assert ben.lists == [["ana", "ben"]]
        assert "could not be shown" in caplog.text


class TestOthers:
    def test_a_process_that_goes_takes_its_people_along_at_once(self, two: Cluster) -> None:
        ana, _ = two.enter("one", ANA)
        two.enter("two", BEN)
        two.pass_s(5)
        two.processes["two"].stop()
        two.pass_s(1.5)

        assert ana.lists[-1] == ["ana"]

    def test_a_process_that_dies_takes_them_along_within_15_s(self, two: Cluster) -> None:
        ana, _ = two.enter("one", ANA)
        two.enter("two", BEN)
        two.pass_s(5.1)
        two.die("two")
        two.pass_s(8)
        assert ana.lists[-1] == ["ana", "ben"], "one lost sign of life is not death"
        two.pass_s(7)
        assert ana.lists[-1] == ["ana"]

    def test_one_that_was_only_silent_is_asked_anew(self, two: Cluster) -> None:
        ana, _ = two.enter("one", ANA)
        ben, _ = two.enter("two", BEN)
        two.pass_s(5)
        two.deaf.add("one")
        two.pass_s(15)
        assert ana.lists[-1] == ["ana"]
        assert ben.lists[-1] == ["ana", "ben"]
        two.deaf.clear()
        two.pass_s(8)
        assert ana.lists[-1] == ["ana", "ben"]

    def test_after_something_may_have_been_missed_both_sides_are_put_right(self, two: Cluster) -> None:
        ana, _ = two.enter("one", ANA)
        _ben, leave = two.enter("two", BEN)
        two.pass_s(5)
        two.deaf |= {"one", "two"}
        two.enter("one", EVE)
        leave()
        two.pass_s(2)
        nobody, _ = two.enter("two", None)
        two.pass_s(2)
        two.deaf.clear()
        two.processes["one"].ask_all()
        two.pass_s(3)

        assert ana.lists[-1] == ["ana", "eve"]
        assert nobody.lists[-1] == ["ana", "eve"]

    def test_a_room_that_nobody_here_is_in_takes_no_memory(self, two: Cluster) -> None:
        _ana, leave = two.enter("one", ANA)
        two.enter("two", BEN)
        two.pass_s(5)
        leave()
        two.pass_s(5)
        two.enter("two", EVE)
        two.pass_s(5)

        assert two.processes["one"]._rooms == {}

    def test_a_room_is_told_of_at_most_once_a_second(self, two: Cluster) -> None:
        two.enter("two", BEN)
        for number in range(100):
            _connection, leave = two.enter("one", Author(100 + number, f"u{number}"))
            two.processes["one"].typed("r", Author(100 + number, f"u{number}"))
            if number % 2:
                leave()
            two.pass_s(0.1)
        times = sorted({at for at, by, _item in two.said if by == "one" and _item[0] != "ping"})

        assert all(later - sooner > 0.99 for sooner, later in pairwise(times))

    def test_silence_costs_nothing(self, two: Cluster) -> None:
        two.enter("one", ANA)
        two.enter("two", BEN)
        two.pass_s(5)
        before = len(two.said)
        two.pass_s(60)

        assert {item[0] for _at, _by, item in two.said[before:]} == {"ping"}

    def test_processes_that_are_told_of_are_bounded(self) -> None:
        cluster = Cluster("one", limits=PresenceLimits(processes=3))
        ana, _ = cluster.enter("one", ANA)
        for number in range(10):
            cluster.processes["one"].told(f"p{number}", "r", [Author(100 + number, f"u{number}")], first=True)
        cluster.pass_s(5)
        assert ana.lists[-1] == ["ana", "u0", "u1", "u2"]
        cluster.pass_s(20)
        assert ana.lists[-1] == ["ana"]


class TestMany:
    def test_names_of_any_length_and_letters_reach_other_processes(self, two: Cluster) -> None:
        guest, _ = two.enter("two", None)
        for number in range(20):
            two.enter("one", Author(number, f"{number:02}" + "\U0001f600" * 200))
        two.pass_s(5)

        assert len(guest.lists[-1]) == 20

    def test_at_most_so_many_are_listed(self) -> None:
        cluster = Cluster("one", "two", limits=PresenceLimits(listed=30, crowd=1000))
        watching, _ = cluster.enter("two", None)
        for number in range(50):
            cluster.enter("one", Author(number, f"u{number:02}"))
        cluster.pass_s(5)

        assert watching.lists[-1] == [f"u{number:02}" for number in range(30)]

    def test_in_a_crowd_fewer_are_listed_less_often(self) -> None:
        limits = PresenceLimits(crowd=10, listed_in_crowd=3, pause_member_s=0.5)
        cluster = Cluster("one", limits=limits)
        watching, _ = cluster.enter("one", None)
        for number in range(20):
            cluster.enter("one", Author(number, f"u{number:02}"))
        cluster.pass_s(1)
        assert watching.lists == [["u00", "u01", "u02"]]
        cluster.enter("one", Author(90, "a"))
        cluster.pass_s(9)
        assert len(watching.lists) == 1
        cluster.pass_s(2)
        assert watching.lists[1:] == [["a", "u00", "u01"]]

    def test_rooms_beyond_the_bound_show_nobody(self) -> None:
        cluster = Cluster("one", limits=PresenceLimits(rooms=1))
        cluster.enter("one", ANA, "a")
        there, leave = cluster.enter("one", ANA, "b")
        cluster.pass_s(2)
        leave()

        assert there.frames == []


class TestTyping:
    def test_others_in_the_room_are_shown_it_whatever_their_process(self, two: Cluster) -> None:
        here = [two.enter("one", user)[0] for user in (ANA, BEN)]
        there, _ = two.enter("two", EVE)
        elsewhere, _ = two.enter("one", EVE, "other")
        two.pass_s(2)
        two.processes["one"].typed("r", ANA)
        two.pass_s(2)

        assert [one.typists for one in (*here, there, elsewhere)] == [[], ["ana"], ["ana"], []]
        assert two.count("two", "typing") == 0, "what was heard is not said again"

    def test_one_who_goes_on_is_shown_every_two_seconds(self, two: Cluster) -> None:
        ben, _ = two.enter("one", BEN)
        two.enter("one", ANA)
        two.pass_s(2)
        for _ in range(100):
            two.processes["one"].typed("r", ANA)
            two.pass_s(0.1)

        assert 4 <= len(ben.typists) <= 6
        assert two.count("one", "typing") == len(ben.typists)

    def test_of_many_only_a_few_are_shown_at_a_time(self, two: Cluster) -> None:
        users = [Author(number, f"u{number}") for number in range(50)]
        guest, _ = two.enter("one", None)
        far, _ = two.enter("two", None)
        for user in users:
            two.enter("one", user)
        two.pass_s(2)
        for user in users:
            two.processes["one"].typed("r", user)
        two.pass_s(1.5)

        assert (len(guest.typists), len(far.typists)) == (5, 5)

        for user in users:
            two.processes["two"].heard_typing("r", user)
        two.pass_s(1.5)
        assert len(far.typists) == 10

    def test_one_who_is_not_there_does_not_type(self, two: Cluster) -> None:
        ben, _ = two.enter("one", BEN)
        _ana, leave = two.enter("one", ANA)
        two.processes["one"].typed("r", ANA)
        leave()
        two.pass_s(3)
        two.processes["one"].typed("r", ANA)
        two.processes["one"].typed("nowhere", ANA)
        two.pass_s(3)

        assert ben.typists == []

    def test_what_a_connection_did_not_take_is_not_shown_later(self, two: Cluster) -> None:
        ben, _ = two.enter("one", BEN)
        two.enter("one", ANA)
        two.pass_s(2)
        ben.willing = False
        two.processes["one"].typed("r", ANA)
        two.pass_s(2)
        ben.willing = True
        two.pass_s(3)

        assert ben.typists == []


def test_stopped_it_says_goodbye_and_keeps_nothing(two: Cluster) -> None:
    ana, leave = two.enter("one", ANA)
    two.enter("two", BEN)
    two.pass_s(3)
    two.enter("one", EVE)
    before = len(ana.frames)
    two.processes["one"].stop()
    leave()
    two.enter("one", EVE)
    two.processes["one"].typed("r", ANA)
    two.pass_s(5)

    assert len(ana.frames) == before
    assert two.count("one", "bye") == 1
    assert two.processes["one"]._rooms == {}
