"""How the admin browses a log of any length: page by page from a key, by indexes alone.

Django's own list counts what it shows and reaches page N by OFFSET; both read all that lies before.
Here a page begins beside a message's id, no statement counts, and each ends with a LIMIT.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.admin import ListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.contrib.auth import get_user_model
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_lazy as _

from rooms.messages import Kind
from rooms.models import ChatRoom, Message

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.contrib.admin import ModelAdmin
    from django.db.models import QuerySet
    from django.db.models.expressions import Combinable
    from django.http import HttpRequest

OLDER = "older"
NEWER = "newer"
MAX_ID = 2**63 - 1
SUGGESTED_ROOMS = 100


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

    @property
    def by_time(self) -> bool:
        """Tell whether the list goes by time: where moments bound it, that is the order of the index."""
        return any(isinstance(spec, SentFilter) and spec.is_used for spec in self.filter_specs)

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[str | Combinable]:
        """Return the one order; columns are not sorted by, since no index would serve most."""
        return ["-created_at", "-id"] if self.by_time else ["-id"]

    def get_results(self, request: HttpRequest) -> None:
        """Read one page and one row more, which tells whether there is another page."""
        rows, more = self._page()
        self.result_list = rows
        self.result_count = self.full_result_count = len(rows)
        self.show_full_result_count = False
        self.show_admin_actions = bool(rows)
        self.can_show_all = self.multi_page = False
        back = self.newer_than is not None
        has_newer = more if back else self.older_than is not None
        has_older = bool(self.newer_than) if back else more
        if has_newer:
            self.first_url = self.get_query_string()
            self.newer_url = self.get_query_string({NEWER: rows[0].pk}) if rows else ""
        if has_older:
            self.last_url = self.get_query_string({NEWER: 0})
            self.older_url = self.get_query_string({OLDER: rows[-1].pk}) if rows else ""

    def _page(self) -> tuple[list[Message], bool]:
        limit = self.list_per_page
        if self.newer_than is not None:
            page = self.queryset.reverse()
            if self.newer_than:
                page = page.filter(self._beyond(self.newer_than, "gt"))
            rows = list(page[: limit + 1])
            return rows[:limit][::-1], len(rows) > limit
        page = self.queryset
        if self.older_than is not None:
            page = page.filter(self._beyond(self.older_than, "lt"))
        rows = list(page[: limit + 1])
        return rows[:limit], len(rows) > limit

    def _beyond(self, key: int, way: str) -> Q:
        """Return the condition of lying beyond a message, in the order of the list."""
        if not self.by_time:
            return Q(**{f"id__{way}": key})
        moment = Message.objects.filter(pk=key).values_list("created_at", flat=True).first()
        if moment is None:
            raise IncorrectLookupParameters(f"no message {key}")
        # Said twice, so that the index is entered at the moment and not only filtered by it.
        return Q(**{f"created_at__{way}e": moment}) & (
            Q(**{f"created_at__{way}": moment}) | Q(**{f"id__{way}": key})
        )


class FormFilter(ListFilter):
    """A filter that one writes into, rather than chooses from all there are: a form without script."""

    template = "rooms/admin_filter.html"
    parameters: ClassVar[dict[str, Any]] = {}
    """The names of its parameters, with their labels."""
    input_type = "text"

    def __init__(
        self, request: HttpRequest, params: dict[str, Any], model: type[Any], model_admin: ModelAdmin[Any]
    ) -> None:
        """Take its parameters out of those of the request."""
        super().__init__(request, params, model, model_admin)
        for name in self.parameters:
            values = params.pop(name, None)
            if values and values[-1].strip():
                self.used_parameters[name] = values[-1].strip()

    @property
    def is_used(self) -> bool:
        """Tell whether it narrows the list."""
        return bool(self.used_parameters)

    def has_output(self) -> bool:
        """Tell that it is shown, used or not."""
        return True

    def expected_parameters(self) -> list[str | None]:
        """Return the names of its parameters."""
        return list(self.parameters)

    def value(self, name: str) -> str:
        """Return what was written into one of its inputs."""
        return str(self.used_parameters.get(name, ""))

    def suggestions(self) -> Sequence[str]:
        """Return some values that may be meant."""
        return ()

    def inputs(self) -> Iterator[dict[str, Any]]:
        """Yield what the template needs of each input."""
        for name, label in self.parameters.items():
            yield {"name": name, "label": label, "value": self.value(name)}

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Yield one thing: how to keep what the other filters were set to, and how to let go of this one."""
        others = [
            (name, value)
            for name, values in changelist.filter_params.items()
            if name not in self.parameters
            for value in values
        ]
        yield {"others": others, "without": changelist.get_query_string(remove=list(self.parameters))}


class RoomFilter(FormFilter):
    """The messages of one room, named by its address."""

    title = _("room")
    parameters: ClassVar[dict[str, Any]] = {"room": _("Address of the room")}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the list to the room; none is in a room that is not there."""
        if not self.is_used:
            return queryset
        keys = _keys(ChatRoom.objects.all(), "slug", self.value("room"))
        return queryset.filter(room=keys[0]) if keys else queryset.none()

    def suggestions(self) -> Sequence[str]:
        """Return the addresses of the first rooms."""
        return list(ChatRoom.objects.order_by("slug").values_list("slug", flat=True)[:SUGGESTED_ROOMS])


class AuthorFilter(FormFilter):
    """The messages of one author, named by what they log in with."""

    title = _("author")
    parameters: ClassVar[dict[str, Any]] = {"author": _("Login name of the author")}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the list to the author; nobody who is not there wrote any."""
        if not self.is_used:
            return queryset
        users = get_user_model()
        keys = _keys(users._default_manager.all(), users.USERNAME_FIELD, self.value("author"))
        return queryset.filter(author=keys[0]) if keys else queryset.none()


def _keys(rows: QuerySet[Any], field: str, value: str) -> list[Any]:
    """Return the key of the row with this value, in a list. A NUL, which PostgreSQL refuses, is in none."""
    return [] if "\x00" in value else list(rows.filter(**{field: value}).values_list("pk", flat=True)[:1])


class KindFilter(FormFilter):
    """The rows of one kind."""

    title = _("kind")
    template = "admin/filter.html"
    parameters: ClassVar[dict[str, Any]] = {"kind": _("Kind")}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the list to the kind; what has a target is found by the index of those that have one."""
        if not self.is_used:
            return queryset
        kind = self.value("kind")
        if kind not in dict(Message.KINDS):
            return queryset.none()
        return queryset.filter(kind=kind, target__isnull=kind == Kind.MESSAGE)

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Yield a link for each kind."""
        yield {
            "selected": not self.is_used,
            "query_string": changelist.get_query_string(remove=["kind"]),
            "display": _("All"),
        }
        for kind, label in Message.KINDS:
            yield {
                "selected": self.value("kind") == kind,
                "query_string": changelist.get_query_string({"kind": kind}),
                "display": label,
            }


class SentFilter(FormFilter):
    """What was sent from one day to another, both included, in the current time zone."""

    title = _("date")
    parameters: ClassVar[dict[str, Any]] = {"sent_from": _("From"), "sent_to": _("To")}
    input_type = "date"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the list to these days.

        Raises:
            IncorrectLookupParameters: what was written is no date.
        """
        first, last = (self._day(name) for name in self.parameters)
        if first:
            queryset = queryset.filter(created_at__gte=_midnight(first))
        if last:
            queryset = queryset.filter(created_at__lt=_midnight(last + timedelta(days=1)))
        return queryset

    def _day(self, name: str) -> date | None:
        text = self.value(name)
        try:
            day = parse_date(text) if text else None
        except ValueError as error:
            raise IncorrectLookupParameters(f"{name} is no date") from error
        # The first and last years have moments that no other time zone's calendar can tell.
        if text and (day is None or not date.min.year < day.year < date.max.year):
            raise IncorrectLookupParameters(f"{name} is no date")
        return day


def _midnight(day: date) -> datetime:
    """Return when a day begins here."""
    return timezone.make_aware(datetime.combine(day, time.min))
