"""The parent of workers: whom it starts, when, and what becomes of them. Processes are fakes."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from realtime import listening
from realtime.crew import Crew
from realtime.limits import WorkerLimits
from realtime.listening import NotStarted, SharedSockets
from realtime.worker import VARIABLE, Inheritance, inherited

LIMITS = WorkerLimits()


class FakeProcess:
    """A process that ends when the test says so."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.code: int | None = None
        self.signals: list[int] = []

    def poll(self) -> int | None:
        return self.code

    def send_signal(self, sig: int) -> None:
        self.signals.append(sig)


class Stage:
    """A crew, the time, and all processes that it started."""

    def __init__(self, size: int = 2) -> None:
        self.now_s = 100.0
        self.started: list[FakeProcess] = []
        self.announced = 0
        self.broken = False
        self.crew = Crew(size, self._start, LIMITS, when_first_ready=self._announce)

    def _start(self) -> FakeProcess:
        if self.broken:
            raise FileNotFoundError("no interpreter")
        self.started.append(FakeProcess(len(self.started)))
        return self.started[-1]

    def _announce(self) -> None:
        self.announced += 1

    def step(self, after_s: float = 0.0) -> float:
        self.now_s += after_s
        return self.crew.step(self.now_s)

    def serve(self) -> Stage:
        """Have all get ready."""
        self.step()
        for process in self.started:
            self.crew.is_ready(process)
        self.step()
        return self

    def ended(self, number: int, code: int) -> None:
        self.started[number].code = code
        self.step()


@pytest.fixture(name="stage")
def two_that_serve() -> Stage:
    return Stage().serve()


class TestStarting:
    def test_all_are_started_and_the_address_is_told_once(self, stage: Stage) -> None:
        assert len(stage.started) == 2
        assert stage.announced == 1
        assert stage.step() == float("inf")

    def test_who_does_not_get_ready_is_killed_and_started_again(self) -> None:
        stage = Stage(1)
        assert stage.step() == LIMITS.start_s
        stage.step(LIMITS.start_s)
        assert stage.started[0].signals == [signal.SIGKILL]
        stage.ended(0, -9)
        stage.step(LIMITS.backoff.first_s)
        assert len(stage.started) == 2

    def test_where_nobody_ever_gets_ready_it_gives_up_with_the_reason(self) -> None:
        stage = Stage(1)
        stage.step()
        for number in range(LIMITS.failed_starts - 1):
            stage.ended(number, 3)
            stage.step(10)
        with pytest.raises(NotStarted, match="exit code 3"):
            stage.ended(LIMITS.failed_starts - 1, 3)

    def test_once_one_was_ready_it_never_gives_up(self, stage: Stage) -> None:
        stage.ended(0, 1)
        for number in range(2, 12):
            stage.step(LIMITS.backoff.longest_s)
            stage.ended(number, 3)
        assert len(stage.started) == 12


class TestDying:
    def test_the_pause_doubles_up_to_its_longest_and_is_short_again_after_a_long_life(
        self, stage: Stage
    ) -> None:
        stage.ended(0, -11)
        pauses = []
        for number in range(2, 11):
            pauses.append(stage.step())
            stage.step(pauses[-1])
            stage.crew.is_ready(stage.started[number])
            stage.ended(number, 1)
        assert pauses == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0])

        stage.step(LIMITS.backoff.longest_s)
        stage.crew.is_ready(stage.started[11])
        stage.step(LIMITS.settled_s)
        stage.ended(11, 1)
        assert stage.step() == pytest.approx(0.1)


class TestStopping:
    def test_all_are_asked_once_and_the_code_is_zero(self, stage: Stage) -> None:
        stage.crew.stop()
        stage.step()
        stage.crew.stop()
        stage.step()
        for number, process in enumerate(stage.started):
            assert process.signals == [signal.SIGTERM]
            assert not stage.crew.over
            stage.ended(number, 0)
        assert stage.crew.over
        assert stage.crew.exit_code == 0
        assert len(stage.started) == 2

    def test_one_that_does_not_end_is_killed_and_the_code_says_so(self, stage: Stage) -> None:
        stage.crew.stop()
        assert stage.step() == LIMITS.stop_s
        stage.ended(0, 0)
        stage.step(LIMITS.stop_s)
        assert stage.started[1].signals == [signal.SIGTERM, signal.SIGKILL]
        stage.ended(1, -signal.SIGKILL)
        assert stage.crew.over
        assert stage.crew.exit_code == 1

    def test_one_that_was_about_to_start_may_end_by_the_signal(self) -> None:
        stage = Stage(1)
        stage.step()
        stage.crew.stop()
        stage.step()
        stage.ended(0, -signal.SIGTERM)
        assert stage.crew.over
        assert stage.crew.exit_code == 0


class TestReplacing:
    def test_one_by_one_each_told_to_go_once_its_successor_serves(self, stage: Stage) -> None:
        first, second = stage.started
        stage.crew.replace()
        stage.step()
        assert len(stage.started) == 3
        assert first.signals == []
        stage.crew.is_ready(stage.started[2])
        stage.step()
        assert (first.signals, second.signals) == ([signal.SIGTERM], [])
        assert len(stage.started) == 3, "the next one begins when the last one has gone"
        stage.ended(0, 0)
        assert len(stage.started) == 4
        stage.crew.is_ready(stage.started[3])
        stage.step()
        assert second.signals == [signal.SIGTERM]
        stage.ended(1, 0)
        assert len(stage.started) == 4
        assert stage.step() == float("inf")

    def test_a_successor_that_ends_leaves_all_as_they_were(self, stage: Stage) -> None:
        stage.crew.replace()
        stage.step()
        stage.ended(2, 1)
        stage.step(LIMITS.backoff.longest_s)
        assert len(stage.started) == 3
        assert [process.signals for process in stage.started[:2]] == [[], []]

    def test_where_none_can_be_started_all_stay_as_they_were(self, stage: Stage) -> None:
        stage.serve()
        stage.broken = True
        stage.crew.replace()
        stage.step()
        assert [process.signals for process in stage.started] == [[], []]
        stage.started[0].code = -9
        for _try in range(9):
            stage.step(LIMITS.backoff.longest_s)
        assert len(stage.started) == 2
        stage.broken = False
        stage.step(LIMITS.backoff.longest_s)
        assert len(stage.started) == 3

    def test_where_none_can_ever_be_started_it_gives_up_with_the_reason(self) -> None:
        stage = Stage()
        stage.broken = True
        stage.step()
        with pytest.raises(NotStarted, match="no interpreter"):
            stage.step(LIMITS.backoff.longest_s)

    def test_one_that_dies_while_its_successor_starts_is_not_started_twice(self, stage: Stage) -> None:
        stage.crew.replace()
        stage.step()
        stage.ended(0, -9)
        stage.step(LIMITS.backoff.longest_s)
        assert len(stage.started) == 3
        stage.crew.is_ready(stage.started[2])
        stage.step()
        assert len(stage.started) == 4, "the second one is replaced"

    def test_a_second_wish_replaces_also_those_that_are_new(self, stage: Stage) -> None:
        stage.crew.replace()
        stage.step()
        stage.crew.replace()
        stage.step()
        stage.crew.is_ready(stage.started[2])
        stage.step()
        stage.ended(0, 0)
        stage.crew.is_ready(stage.started[3])
        stage.step()
        assert stage.started[2].signals == [signal.SIGTERM]


class TestInheritance:
    def test_it_is_told_by_the_environment_and_not_told_on(self) -> None:
        environment = {VARIABLE: Inheritance(7, (8, 9)).variable()}
        assert inherited(environment) == Inheritance(7, (8, 9))
        assert environment == {}
        assert inherited(environment) is None


class TestSockets:
    def test_they_listen_at_once_on_ports_that_are_told(self) -> None:
        shared = SharedSockets(["tcp:0:interface=127.0.0.1", "tcp6:0:interface=\\:\\:1"])
        try:
            assert [one.family for one in shared.sockets] == [socket.AF_INET, socket.AF_INET6]
            port = shared.sockets[0].getsockname()[1]
            assert shared.urls[0] == f"http://127.0.0.1:{port}/"
            socket.create_connection(("127.0.0.1", port)).close()
        finally:
            shared.close()

    def test_a_unix_socket_left_behind_is_replaced_and_one_in_use_is_not(self, tmp_path: Path) -> None:
        path = tmp_path / "chat.sock"
        shared = SharedSockets([f"unix:{path}"])
        with pytest.raises(NotStarted, match="another process"):
            SharedSockets([f"unix:{path}"])
        for one in shared.sockets:
            one.close()
        (tmp_path / "chat.sock.lock").unlink()
        (tmp_path / "chat.sock.lock").symlink_to("999999999")
        SharedSockets([f"unix:{path}"]).close()
        assert not path.exists()

    def test_one_whose_dead_process_has_its_number_taken_by_another_is_replaced_too(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "chat.sock"
        for one in SharedSockets([f"unix:{path}"]).sockets:
            one.close()
        assert path.exists()
        assert (tmp_path / "chat.sock.lock").readlink() == Path(str(os.getpid()))
        SharedSockets([f"unix:{path}"]).close()
        assert not path.exists()

    def test_a_file_of_somebody_else_stays_where_it_is(self, tmp_path: Path) -> None:
        """Whether it is no socket at all, or that of a server that keeps no lock beside it."""
        note, theirs = tmp_path / "note", tmp_path / "theirs.sock"
        note.write_text("kept", encoding="utf-8")
        with socket.socket(socket.AF_UNIX) as listening_there:
            listening_there.bind(str(theirs))
            listening_there.listen()
            for path in (note, theirs):
                with pytest.raises(NotStarted, match="Address already in use"):
                    SharedSockets([f"unix:{path}"])
            assert sorted(tmp_path.iterdir()) == [note, theirs]

    def test_what_is_not_for_sharing_is_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Elsewhere:
            def listen(self, _factory: object) -> None:
                raise AttributeError("adoptStreamPort")

        monkeypatch.setattr(listening, "endpoint", lambda *_: Elsewhere())
        with pytest.raises(NotStarted, match="cannot be shared"):
            SharedSockets(["systemd:domain=INET:index=0"])
