"""The filters by which the admin narrows the list of messages: each by an index, none lists all there is."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib.admin import ListFilter
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.auth import get_user_model
from django.db import connection
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.utils.translation import gettext_lazy as _

from rooms.messages import Kind
from rooms.models import ChatRoom, Message

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.contrib.admin import ModelAdmin
    from django.contrib.admin.views.main import ChangeList
    from django.db.models import QuerySet
    from django.http import HttpRequest

SUGGESTED_ROOMS = 100
NO_MESSAGE = """NOT ("rooms_message"."kind" = 'message')"""
"""What the index of other kinds covers, word for word: SQLite asks for it, PostgreSQL concludes it."""


class NarrowedByFilters:
    """An admin whose list is narrowed by its filters alone.

    Django takes any lookup of any field besides; some read a whole table, and some are none that a database
    can answer, which fails.
    """

    list_filter: ClassVar[Any]

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Tell whether a parameter is one of a filter, and holds what a database can be asked for."""
        names = {one if isinstance(one, str) else one.parameter_name for one in self.list_filter}
        return lookup.removesuffix("__exact") in names and "\x00" not in value


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


class KeyFilter(FormFilter):
    """What belongs to one row of another table."""

    key: Any = None
    """The row's key, once the list was narrowed; None where there is no such row."""


class RoomFilter(KeyFilter):
    """The messages of one room, named by its address."""

    title = _("room")
    parameters: ClassVar[dict[str, Any]] = {"room": _("Address of the room")}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the list to the room; none is in a room that is not there."""
        if not self.is_used:
            return queryset
        self.key = _key(ChatRoom.objects.all(), "slug", self.value("room"))
        return queryset.filter(room=self.key) if self.key is not None else queryset.none()

    def suggestions(self) -> Sequence[str]:
        """Return the addresses of the first rooms."""
        return list(ChatRoom.objects.order_by("slug").values_list("slug", flat=True)[:SUGGESTED_ROOMS])


class AuthorFilter(KeyFilter):
    """The messages of one author, named by what they log in with."""

    title = _("author")
    parameters: ClassVar[dict[str, Any]] = {"author": _("Login name of the author")}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the list to the author; nobody who is not there wrote any."""
        if not self.is_used:
            return queryset
        users = get_user_model()
        self.key = _key(users._default_manager.all(), users.USERNAME_FIELD, self.value("author"))
        return queryset.filter(author=self.key) if self.key is not None else queryset.none()


def _key(rows: QuerySet[Any], field: str, value: str) -> Any:
    """Return the key of the row with this value, if any. A NUL, which PostgreSQL refuses, is in none."""
    if "\x00" in value:
        return None
    return next(iter(rows.filter(**{field: value}).values_list("pk", flat=True)[:1]), None)


class KindFilter(FormFilter):
    """The rows of one kind."""

    title = _("kind")
    template = "admin/filter.html"
    parameters: ClassVar[dict[str, Any]] = {"kind": _("Kind")}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the list to the kind; what is no message is found by the index of such rows."""
        if not self.is_used:
            return queryset
        kind = self.value("kind")
        if kind not in dict(Message.KINDS):
            return queryset.none()
        queryset = queryset.filter(kind=kind)
        if kind == Kind.MESSAGE or connection.vendor != "sqlite":
            return queryset
        return queryset.extra(where=[NO_MESSAGE])  # noqa: S610  (it is written here)

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
    start: datetime | None = None
    end: datetime | None = None

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Take the days; the list asks `between` for what they come to.

        Raises:
            IncorrectLookupParameters: what was written is no date.
        """
        first, last = self.dates()
        self.start = _midnight(first) if first else None
        self.end = _midnight(last + timedelta(days=1)) if last else None
        return queryset

    def dates(self) -> tuple[date | None, date | None]:
        """Return the first day and the last, as they were written.

        Raises:
            IncorrectLookupParameters: what was written is no date.
        """
        return self._day("sent_from"), self._day("sent_to")

    def between(self, near: Message | None, *, back: bool) -> Q:
        """Return the condition of lying in these days, beyond one message.

        There is one bound on either side, since SQLite enters an index by the first that it reads.
        """
        lower = Q(created_at__gte=self.start) if self.start else Q()
        upper = Q(created_at__lt=self.end) if self.end else Q()
        if back:
            if near is not None and (self.start is None or near.created_at >= self.start):
                later = Q(created_at__gt=near.created_at) | Q(id__gt=near.pk)
                lower = Q(created_at__gte=near.created_at) & later
        elif near is not None and (self.end is None or near.created_at < self.end):
            earlier = Q(created_at__lt=near.created_at) | Q(id__lt=near.pk)
            upper = Q(created_at__lte=near.created_at) & earlier
        return lower & upper

    def days(self) -> tuple[date, date] | None:
        """Return the days, by UTC, that messages of these days can be of; None where there can be none."""
        ends = edges()
        if ends is None:
            return None
        start = max(filter(None, (self.start, ends[0])))
        end = min(filter(None, (self.end and self.end - timedelta(microseconds=1), ends[1])))
        return None if end < start else (start.astimezone(UTC).date(), end.astimezone(UTC).date())

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


def edges() -> tuple[datetime, datetime] | None:
    """Return when the first message was sent and when the last, by the index of dates; None without any."""
    moments = Message.objects.order_by("created_at", "id").values_list("created_at", flat=True)
    first, last = list(moments[:1]), list(moments.reverse()[:1])
    return (first[0], last[0]) if first and last else None


def _midnight(day: date) -> datetime:
    """Return when a day begins here."""
    return timezone.make_aware(datetime.combine(day, time.min))
