"""Shows on a terminal how far something is that takes long. Where there is no terminal it says nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

FIRST_S = 0.5
"""What is done by then is not shown at all."""
AGAIN_S = 0.1
WIDTH = 30
CLEAR_LINE = "\r\x1b[K"


class Progress:
    """One line of a terminal, written again and again, and removed at the end."""

    def __init__(self, out: Any, what: str, total: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the stream to write to, what is counted, and how much there is."""
        self._out = out if out.isatty() else None
        self._what = what
        self._total = max(total, 1)
        self._clock = clock
        self._next_s = clock() + FIRST_S
        self._shown = False

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Leave the line empty."""
        if self._out is not None and self._shown:
            self._out.write(CLEAR_LINE)
            self._out.flush()

    def reach(self, done: int, told: str = "") -> None:
        """Take note of how much is done; `told` is shown beside it."""
        now_s = self._clock()
        if self._out is None or now_s < self._next_s:
            return
        self._next_s = now_s + AGAIN_S
        self._shown = True
        share = min(max(done / self._total, 0), 1)
        filled = int(share * WIDTH)
        bar = "#" * filled + "." * (WIDTH - filled)
        self._out.write(f"{CLEAR_LINE}{self._what} [{bar}] {share:4.0%}  {told or f'{done:,}'}")
        self._out.flush()
