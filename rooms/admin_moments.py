"""Moments: where one lies in what is appended in order, in as many steps as keys have bits; its name here."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.utils import timezone

if TYPE_CHECKING:
    from datetime import datetime


def first_since(rows: QuerySet[Any], moment: datetime, field: str) -> int:
    """Return a key at or after which all rows are of a moment or later, and before which none is.

    No index of times is needed, one that has the keys in order is: a step reads one row beside a key.
    """
    by_key = rows.order_by("pk").values_list("pk", field)
    last = rows.order_by("-pk").values_list("pk", flat=True).first()
    low, high = 1, (last or 0) + 1
    while low < high:
        middle = (low + high) // 2
        key, at = by_key.filter(pk__gte=middle)[0]
        if at < moment:
            low = key + 1
        else:
            high = middle
    return low


def nameable(moment: datetime) -> datetime:
    """Return a moment as clocks show it here; of an hour that comes twice, the minute before it.

    A form takes no moment that shares its name with another.
    """
    shown = timezone.localtime(moment)
    while shown.replace(fold=0).utcoffset() != shown.replace(fold=1).utcoffset():
        shown -= timedelta(minutes=1)
    return shown
