"""The workers of a parent, and what becomes of them. Pure: the time is passed in."""

from __future__ import annotations

import logging
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from realtime.listening import NotStarted

if TYPE_CHECKING:
    from collections.abc import Callable

    from realtime.limits import WorkerLimits

logger = logging.getLogger(__name__)


class Process(Protocol):
    """A worker's process, as far as `subprocess.Popen` is needed."""

    pid: int

    def poll(self) -> int | None:
        """Return its exit code, None while it runs."""

    def send_signal(self, sig: int) -> None:
        """Send it a signal, unless it has ended."""


@dataclass(eq=False, slots=True)
class Worker:
    """A process that serves, or will, or did. `kill_s` is when it is killed, if it has not ended."""

    process: Process
    place: int
    started_s: float
    kill_s: float
    ready: bool = False
    leaving: bool = False
    killed: bool = False


@dataclass(eq=False, slots=True)
class Place:
    """One of the N places: who serves there, who is about to, and when to start again where nobody does."""

    pause_s: float
    worker: Worker | None = None
    successor: Worker | None = None
    due_s: float = field(default=0.0)


class Crew:
    """The workers and what becomes of them. Does nothing by itself: `step` does what is due."""

    def __init__(
        self,
        size: int,
        start: Callable[[], Process],
        limits: WorkerLimits,
        *,
        when_first_ready: Callable[[], None],
    ) -> None:
        """Have nobody yet. `start` starts a process, which is told of by `is_ready` once it serves."""
        self.exit_code = 0
        self._start = start
        self._limits = limits
        self._when_first_ready = when_first_ready
        self._places = [Place(limits.backoff.first_s) for _place in range(size)]
        self._workers: list[Worker] = []
        self._replacing: list[Worker] = []
        self._failed_starts = 0
        self._anybody_was_ready = False
        self._stopping = False
        self._stop_asked = False
        self._replace_asked = False

    @property
    def over(self) -> bool:
        """Whether it was stopped and nobody is left."""
        return self._stopping and not self._workers

    # What it is told

    def stop(self) -> None:
        """Have all workers end."""
        self._stop_asked = True

    def replace(self) -> None:
        """Have all workers replaced, one by one; one that is being replaced already is so once more."""
        self._replace_asked = True

    def is_ready(self, process: Process) -> None:
        """Take note that a process accepts connections."""
        worker = next((one for one in self._workers if one.process is process), None)
        if worker is None or worker.ready:
            return
        worker.ready = True
        worker.kill_s = float("inf") if not worker.leaving else worker.kill_s
        self._anybody_was_ready = True
        when_first_ready, self._when_first_ready = self._when_first_ready, _nothing
        logger.info("Worker %d (process %d) serves", worker.place + 1, process.pid)
        when_first_ready()

    # What it does

    def step(self, now_s: float) -> float:
        """Do what is due, and return in how many seconds to do so again at the latest.

        Raises:
            NotStarted: the workers end before they are ready, again and again, and none ever was.
        """
        for worker in tuple(self._workers):
            code = worker.process.poll()
            if code is not None:
                self._workers.remove(worker)
                self._ended(worker, code, now_s)
        self._take_wishes(now_s)
        if not self._stopping:
            self._replace_next(now_s)
            self._fill_places(now_s)
        for worker in self._workers:
            if worker.kill_s <= now_s and not worker.killed:
                self._kill(worker)
        return self._left_s(now_s)

    def kill(self) -> None:
        """End everybody at once: the parent itself broke."""
        for worker in self._workers:
            worker.process.send_signal(signal.SIGKILL)

    def _take_wishes(self, now_s: float) -> None:
        if self._stop_asked and not self._stopping:
            self._stopping = True
            for worker in self._workers:
                self._dismiss(worker, now_s)
        if self._replace_asked and not self._stopping:
            self._replace_asked = False
            logger.info("All workers are being replaced, one by one")
            present = [place.successor or place.worker for place in self._places]
            self._replacing = [worker for worker in present if worker is not None]

    def _fill_places(self, now_s: float) -> None:
        for place in self._places:
            if place.worker is None and place.successor is None and place.due_s <= now_s:
                place.worker = self._begin(place, now_s)

    def _begin(self, place: Place, now_s: float) -> Worker | None:
        """Return a new worker, None where the system starts none just now: whoever serves goes on."""
        number = self._places.index(place)
        try:
            process = self._start()
        except OSError as error:
            logger.error("Worker %d could not be started: %s", number + 1, error)  # noqa: TRY400 (it says all)
            self._count_failed_start(f"not started: {error}")
            self._put_off(place, now_s)
            return None
        worker = Worker(process, number, now_s, now_s + self._limits.start_s)
        self._workers.append(worker)
        return worker

    def _replace_next(self, now_s: float) -> None:
        """Go on with the replacement: the next one begins once the last one's predecessor has gone."""
        for place in self._places:
            if place.successor is not None and place.successor.ready:
                before, place.worker, place.successor = place.worker, place.successor, None
                if before is not None:
                    self._dismiss(before, now_s)
        busy = any(one.leaving for one in self._workers) or any(one.successor for one in self._places)
        while self._replacing and not busy:
            worker = self._replacing.pop(0)
            place = self._places[worker.place]
            if place.worker is worker:
                place.successor = self._begin(place, now_s)
                busy = place.successor is not None
                if not busy:
                    self._replacing = []

    def _dismiss(self, worker: Worker, now_s: float) -> None:
        """Ask one to end, once."""
        if not worker.leaving:
            worker.leaving = True
            worker.kill_s = now_s + self._limits.stop_s
            worker.process.send_signal(signal.SIGTERM)

    def _kill(self, worker: Worker) -> None:
        why = "does not end" if worker.leaving else "does not get ready"
        logger.error("Worker %d (process %d) %s: it is killed", worker.place + 1, worker.process.pid, why)
        worker.killed = True
        worker.process.send_signal(signal.SIGKILL)

    # Who has ended

    def _ended(self, worker: Worker, code: int, now_s: float) -> None:
        place = self._places[worker.place]
        if worker.leaving:
            well = code == 0 or (code == -signal.SIGTERM and not worker.ready)
            logger.log(
                logging.INFO if well else logging.ERROR,
                "Worker %d (process %d) was told to end, and did: %s",
                worker.place + 1, worker.process.pid, _how(code),
            )  # fmt: skip
            if self._stopping and not well:
                self.exit_code = 1
            return
        if not worker.ready:
            self._count_failed_start(_how(code))
        if place.successor is worker:
            place.successor = None
            self._replacing = []
            logger.error("The replacement ended before it was ready (%s): those who serve stay", _how(code))
        elif place.worker is worker:
            place.worker = None
        if place.worker is None and place.successor is None:
            self._come_back(place, worker, code, now_s)

    def _come_back(self, place: Place, worker: Worker, code: int, now_s: float) -> None:
        backoff = self._limits.backoff
        if now_s - worker.started_s >= self._limits.settled_s:
            place.pause_s = backoff.first_s
        logger.error(
            "Worker %d (process %d) ended: %s; it is started again in %.1f s",
            worker.place + 1, worker.process.pid, _how(code), place.pause_s,
        )  # fmt: skip
        self._put_off(place, now_s)

    def _put_off(self, place: Place, now_s: float) -> None:
        place.due_s = now_s + place.pause_s
        place.pause_s = min(2 * place.pause_s, self._limits.backoff.longest_s)

    def _count_failed_start(self, how: str) -> None:
        self._failed_starts += 1
        if not self._anybody_was_ready and self._failed_starts >= self._limits.failed_starts:
            raise NotStarted(
                f"No worker gets ready; the last one of {self._failed_starts} ended so: {how}. "
                "Its own words stand above."
            )

    def _left_s(self, now_s: float) -> float:
        due = [worker.kill_s for worker in self._workers if not worker.killed]
        if not self._stopping:
            due += [place.due_s for place in self._places if place.worker is None and place.successor is None]
        return max(0.0, min(due, default=float("inf")) - now_s)


def _how(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"exit code {code}"


def _nothing() -> None:
    """Announce nothing twice."""
