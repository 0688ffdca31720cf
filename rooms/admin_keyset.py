"""A list of the admin of any length: page by page from a key, by indexes alone.

Django's own list counts what it shows and reaches page N by OFFSET; both read all that lies before.
Here a page begins beside a row's id, no statement counts, and each ends with a LIMIT.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList

from rooms.bounds import is_id

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.db.models.expressions import Combinable
    from django.http import HttpRequest

OLDER = "older"
NEWER = "newer"


class KeysetChangeList(ChangeList):
    """A page of rows, the newest first, and the ways to the pages beside it."""

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
        if not is_id(text):
            raise IncorrectLookupParameters(f"{name} is no id")
        return int(text)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[str | Combinable]:
        """Return the one order; columns are not sorted by, since no index would serve most."""
        return ["-id"]

    def get_results(self, request: HttpRequest) -> None:
        """Read one page and one row more, which tells whether there is another page."""
        back = self.newer_than is not None
        found = self.beyond(request, self.newer_than if back else self.older_than, back=back)
        more = len(found) > self.list_per_page
        rows = found[: self.list_per_page]
        if back:
            rows.reverse()
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

    def beyond(self, request: HttpRequest, place: int | None, *, back: bool) -> list[Any]:
        """Return the rows beyond a key (0, None: from the end on), a page and one, in the order of reading.

        That is from the newest on, or `back` from the oldest on. `request` is for messages to its user.
        """
        rows: QuerySet[Any] = self.queryset.reverse() if back else self.queryset
        if place:
            rows = rows.filter(**{f"id__{'gt' if back else 'lt'}": place})
        return list(rows[: self.list_per_page + 1])
