"""How the admin browses a log of any length: page by page from a key, by indexes alone.

Django's own list counts what it shows and reaches page N by OFFSET; both read all that lies before.
Here a page begins beside a message's id, no statement counts, and each ends with a LIMIT.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import Max, Min

from rooms.admin_filters import SentFilter
from rooms.models import Message

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.db.models.expressions import Combinable
    from django.http import HttpRequest

OLDER = "older"
NEWER = "newer"
MAX_ID = 2**63 - 1
SEARCHED_AT_ONCE = 50_000
"""How many messages one page looks through for a text: that takes a fraction of a second."""


class MessageChangeList(ChangeList):
    """A page of messages, the newest first, and the ways to the pages beside it."""

    older_than: int | None = None
    newer_than: int | None = None
    first_url = newer_url = older_url = last_url = search_on_url = ""
    searched_to: Message | None = None

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

    @property
    def _sent(self) -> SentFilter:
        [found] = [spec for spec in self.filter_specs if isinstance(spec, SentFilter)]
        return found

    @property
    def by_time(self) -> bool:
        """Tell whether the list goes by time: where moments bound it, that is the order of the index."""
        return self._sent.is_used

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
        if self.searched_to is not None and not more:
            self.search_on_url = self.get_query_string({NEWER if back else OLDER: self.searched_to.pk})

    def _page(self, request: HttpRequest, *, back: bool) -> tuple[list[Message], bool]:
        place = self.newer_than if back else self.older_than
        near = self._row(place) if place else None
        page = self._searched(request, near, back=back) if self.query else self._stretch(near, back=back)
        rows = list(page[: self.list_per_page + 1])
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

    def _stretch(self, near: Message | None, edge: Message | None = None, *, back: bool) -> QuerySet[Any]:
        """Return the rows that lie beyond one, up to and with another, in the direction of reading."""
        rows: QuerySet[Any] = self.queryset.reverse() if back else self.queryset
        if self.by_time:
            return rows.filter(self._sent.between(near, edge, back=back))
        if near is not None:
            rows = rows.filter(**{f"id__{'gt' if back else 'lt'}": near.pk})
        if edge is not None:
            rows = rows.filter(**{f"id__{'lte' if back else 'gte'}": edge.pk})
        return rows

    # Text, which no index finds

    def _searched(self, request: HttpRequest, near: Message | None, *, back: bool) -> QuerySet[Any]:
        """Return the rows with the text among the next so many, and keep where those end."""
        edge = self._edge(self._stretch(near, back=back)[:SEARCHED_AT_ONCE], back=back)
        if edge is not None and self._stretch(edge, back=back)[:1]:
            self.searched_to = edge
        model_admin: Any = self.model_admin
        found: QuerySet[Any] = model_admin.with_text(
            request, self._stretch(near, edge, back=back), self.query
        )
        return found

    def _edge(self, rows: QuerySet[Any], *, back: bool) -> Message | None:
        """Return the row that some rows end with, the last of those at one moment; none if there are none."""
        most = Max if back else Min
        if not self.by_time:
            key = rows.aggregate(edge=most("id"))["edge"]
            return None if key is None else Message.objects.only("created_at").get(pk=key)
        moment = rows.aggregate(edge=most("created_at"))["edge"]
        if moment is None:
            return None
        last = self.queryset.filter(created_at=moment).order_by("-id" if back else "id").select_related(None)
        edge: Message | None = last.only("created_at").first()
        return edge
