"""What the log tells the rest of the process after each commit. Receivers run in the thread that committed.

They are called by `send_robust`: what is committed stands, and one that fails is logged and passed over. A
receiver that returns True sees to it that other processes hear of it too; where none does, the log itself
tells them (`rooms.notify`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.dispatch import Signal

if TYPE_CHECKING:
    from collections.abc import Iterable

committed = Signal()
"""Messages are committed: `batches`, a tuple of `rooms.messages.RoomBatch`, one for each room."""

access_changed = Signal()
"""Who may do what has changed: `rooms`, a frozenset of slugs, or None where accounts or the epoch did."""


def others_are_told(answers: Iterable[tuple[Any, Any]]) -> bool:
    """Tell whether a receiver, by what `send_robust` returned, tells the other processes."""
    return any(answer is True for _receiver, answer in answers)
