"""What the log tells the rest of the process after each commit. Receivers run in the thread that committed.

They are called by `send_robust`: what is committed stands, and one that fails is logged and passed over.
"""

from __future__ import annotations

from django.dispatch import Signal

committed = Signal()
"""Messages are committed: `batches`, a tuple of `rooms.messages.RoomBatch`, one for each room."""

access_changed = Signal()
"""Who may do what has changed: `rooms`, a frozenset of slugs, or None where accounts changed."""
