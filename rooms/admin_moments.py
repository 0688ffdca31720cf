"""Finds where a moment lies in what is appended in order: by its keys, in as many steps as they have bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet

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
