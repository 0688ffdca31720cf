"""What tests of performed actions look at: refusals, and what a room's log and the trail tell."""

from __future__ import annotations

from typing import Any

import pytest

from rooms import acting, history, log
from rooms.actions import Action
from rooms.messages import Code, Kind, Notice, UserId
from rooms.models import AuditEntry


def refusal(by: UserId | None, action: Action, **how: Any) -> Code:
    """Return the code by which an action is refused; one that is performed fails the test."""
    with pytest.raises(log.Refusal) as raised:
        acting.perform(by, action, **how)
    return raised.value.code


def detail(by: UserId | None, action: Action, **how: Any) -> str:
    """Return the sentence by which an action is refused."""
    with pytest.raises(log.Refusal) as raised:
        acting.perform(by, action, **how)
    return raised.value.detail


def notices(slug: str) -> list[Notice]:
    """Return what the log of a room tells of it and its people."""
    rows = history.after(slug, 0, 200).messages
    assert all(row.notice is not None for row in rows if row.kind is Kind.NOTICE)
    return [row.notice for row in rows if row.notice is not None]


def told(slug: str) -> list[tuple[str, object, object]]:
    """Return the same as event, name of whom it is about, and value."""
    return [(one.event.value, one.about and one.about.name, one.value) for one in notices(slug)]


def trail() -> list[tuple[str, str, str]]:
    """Return who did what to whom, in the order in which it was done."""
    rows = AuditEntry.objects.order_by("pk")
    return [(row.actor_name, row.deed, row.person_name) for row in rows]
