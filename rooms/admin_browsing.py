"""How the admin browses a log of any length: page by page from a key, by indexes alone.

Django's own list counts what it shows and reaches page N by OFFSET; both read all that lies before.
Here a page begins beside a message's id, no statement counts, and each ends with a LIMIT.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList

from rooms import search
from rooms.admin_calendar import Calendar
from rooms.admin_filters import AuthorFilter, RoomFilter, SentFilter
from rooms.models import Message
from rooms.refusals import in_words

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.db.models.expressions import Combinable
    from django.http import HttpRequest

OLDER = "older"
NEWER = "newer"
MAX_ID = 2**63 - 1

F = TypeVar("F")


class MessageChangeList(ChangeList):
    """A page of messages, the newest first, and the ways to the pages beside it."""

    older_than: int | None = None
    newer_than: int | None = None
    first_url = newer_url = older_url = last_url = ""

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> QuerySet[Any]:
        """Return what is browsed, once the place in it is taken out of the parameters that filters see."""
        self.older_than = self._taken(OLDER) if OLDER in self.params else self.older_than
        self.newer_than = self._taken(NEWER) if NEWER in self.params else self.newer_than
        return super().get_queryset(request, exclude_parameters)

    def _taken(self, name: str) -> int:
        text = str(self.params.pop(name))
        self.filter_params.pop(name)
        if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_ID)) and int(text) <= MAX_ID):
            raise IncorrectLookupParameters(f"{name} is no id")
        return int(text)

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
        """Return the one order; columns are not sorted by, since no index would serve most."""
        return ["-created_at", "-id"] if self.by_time else ["-id"]

    def get_results(self, request: HttpRequest) -> None:
        """Read one page and one row more, which tells whether there is another page."""
        back = self.newer_than is not None
        rows, more = self._page(request, back=back)
        self.result_list = rows
        self.result_count = self.full_result_count = len(rows)
        self.show_full_result_count = False
        self.show_admin_actions = bool(rows)
        self.can_show_all = self.multi_page = False
        if more if back else self.older_than is not None:
            self.first_url = self.get_query_string()
            self.newer_url = self.get_query_string({NEWER: rows[0].pk}) if rows else ""
        if bool(self.newer_than) if back else more:
            self.last_url = self.get_query_string({NEWER: 0})
            self.older_url = self.get_query_string({OLDER: rows[-1].pk}) if rows else ""

    def _page(self, request: HttpRequest, *, back: bool) -> tuple[list[Message], bool]:
        place = self.newer_than if back else self.older_than
        rows = (
            self._searched(request, place, back=back)
            if self.query
            else list(self._stretch(self._row(place) if place else None, back=back)[: self.list_per_page + 1])
        )
        more = len(rows) > self.list_per_page
        rows = rows[: self.list_per_page]
        return (rows[::-1] if back else rows), more

    def _row(self, key: int) -> Message:
        """Return the message with this key; in the order of keys, one that is not there has its place too."""
        if not self.by_time:
            return Message(pk=key)
        row = Message.objects.filter(pk=key).only("created_at").first()
        if row is None:
            raise IncorrectLookupParameters(f"no message {key}")
        return row

    def _stretch(self, near: Message | None, *, back: bool) -> QuerySet[Any]:
        """Return the rows that lie beyond one, in the direction of reading."""
        rows: QuerySet[Any] = self.queryset.reverse() if back else self.queryset
        if self.by_time:
            return rows.filter(self._sent.between(near, back=back))
        return rows if near is None else rows.filter(**{f"id__{'gt' if back else 'lt'}": near.pk})

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
