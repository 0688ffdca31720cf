"""How the admin browses a log of any length: by ids, by time, or what is found by its text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters

from rooms import search
from rooms.admin_calendar import Calendar
from rooms.admin_filters import AuthorFilter, RoomFilter, SentFilter
from rooms.admin_keyset import KeysetChangeList
from rooms.models import Message
from rooms.refusals import in_words

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.db.models.expressions import Combinable
    from django.http import HttpRequest

F = TypeVar("F")


class MessageChangeList(KeysetChangeList):
    """A page of messages."""

    def _filter(self, kind: type[F]) -> F:
        [found] = [spec for spec in self.filter_specs if isinstance(spec, kind)]
        return found

    @property
    def _sent(self) -> SentFilter:
        return self._filter(SentFilter)

    @property
    def by_time(self) -> bool:
        """Tell whether the list goes by time: where moments bound it, that is the order of the index.

        What is found by its text comes in the order of keys.
        """
        return self._sent.is_used and not self.query

    @property
    def calendar(self) -> Calendar:
        """Return the ways to years, months and days."""
        return Calendar(self._sent, self.get_query_string)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[str | Combinable]:
        """Return the order of the index that serves the list."""
        return ["-created_at", "-id"] if self.by_time else super().get_ordering(request, queryset)

    def beyond(self, request: HttpRequest, place: int | None, *, back: bool) -> list[Message]:
        """Return the messages beyond one."""
        if self.query:
            return self._searched(request, place, back=back)
        if not self.by_time:
            return super().beyond(request, place, back=back)
        rows: QuerySet[Any] = self.queryset.reverse() if back else self.queryset
        near = self._row(place) if place else None
        return list(rows.filter(self._sent.between(near, back=back))[: self.list_per_page + 1])

    def _row(self, key: int) -> Message:
        row = Message.objects.filter(pk=key).only("created_at").first()
        if row is None:
            raise IncorrectLookupParameters(f"no message {key}")
        return row

    # Text, found by the index of words

    def _searched(self, request: HttpRequest, near: int | None, *, back: bool) -> list[Message]:
        """Return the next messages with the text, one more than a page shows, in the direction of reading."""
        if (refused := search.unfit(self.query)) is not None:
            messages.warning(request, in_words(refused.detail))
            return []
        narrowed = self._narrowed()
        if narrowed is None:
            return []
        rows: list[Message] = []
        wanted = self.list_per_page + 1
        asked = wanted
        while len(rows) < wanted:
            beyond: dict[str, Any] = {"after": near or None} if back else {"before": near or None}
            keys = search.ids(self.query, **narrowed, **beyond, ascending=back, limit=asked)
            rows += self._rows(keys)
            if len(keys) < asked:
                break
            # The index knows days of UTC; where others are asked for, what is left out takes another look.
            near, asked = keys[-1], 4 * asked
        return rows[:wanted]

    def _narrowed(self) -> dict[str, Any] | None:
        """Return what the filters come to for the index of words; None where they let nothing through."""
        narrowed: dict[str, Any] = {}
        for name, one in (
            ("room_key", self._filter(RoomFilter)),
            ("author_key", self._filter(AuthorFilter)),
        ):
            if one.is_used and one.key is None:
                return None
            narrowed[name] = one.key
        if self._sent.is_used:
            narrowed["sent"] = self._sent.days()
            if narrowed["sent"] is None:
                return None
        return narrowed

    def _rows(self, keys: list[int]) -> list[Message]:
        """Return the messages with these keys that the filters let through, in the order of the keys."""
        rows = self.queryset.filter(self._sent.between(None, back=False), pk__in=keys).order_by()
        by_key = {row.pk: row for row in rows[: len(keys)]}
        return [by_key[key] for key in keys if key in by_key]
