"""The audit trail in the admin: read from key to key, narrowed by who, to whom, where and when."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from rooms.actions import Deed
from rooms.admin_acting import person_named
from rooms.admin_filters import FormFilter, RoomFilter, SentFilter
from rooms.admin_keyset import NEWER, OLDER, KeysetChangeList
from rooms.admin_moments import first_since
from rooms.deed_names import NAMES
from rooms.models import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.admin.views.main import ChangeList
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest

    TrailAdminBase = admin.ModelAdmin[AuditEntry]
else:
    TrailAdminBase = admin.ModelAdmin

ON_A_PAGE = 100


class PersonFilter(FormFilter):
    """The entries that name somebody, by what they log in with."""

    field = ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the list to the person; an entry names nobody who is not there."""
        if not self.is_used:
            return queryset
        person = person_named(self.value(self.field))
        return queryset.filter(**{self.field: person.pk}) if person is not None else queryset.none()


class ActorFilter(PersonFilter):
    """What somebody did."""

    title = _("who")
    field = "actor"
    parameters: ClassVar[dict[str, Any]] = {"actor": _("Login name")}


class AboutFilter(PersonFilter):
    """What was done to somebody."""

    title = _("to whom")
    field = "person"
    parameters: ClassVar[dict[str, Any]] = {"person": _("Login name")}


class DeedFilter(FormFilter):
    """The entries of one deed."""

    title = _("deed")
    template = "admin/filter.html"
    parameters: ClassVar[dict[str, Any]] = {"deed": _("Deed")}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the list to the deed; of what is none there is no entry."""
        if not self.is_used:
            return queryset
        deed = self.value("deed")
        return queryset.filter(deed=deed) if deed in NAMES else queryset.none()

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Yield a link for each deed that the trail tells of."""
        yield {
            "selected": not self.is_used,
            "query_string": changelist.get_query_string(remove=["deed"]),
            "display": _("All"),
        }
        for deed in sorted(TOLD):
            yield {
                "selected": self.value("deed") == deed,
                "query_string": changelist.get_query_string({"deed": deed}),
                "display": NAMES[deed],
            }


TOLD = frozenset(Deed) - {
    Deed.SEE, Deed.POST, Deed.REACT, Deed.EDIT_OWN, Deed.REDACT_OWN, Deed.MARK_READ, Deed.MUTE_FOR_ONESELF,
    Deed.JOIN, Deed.LEAVE, Deed.REPORT, Deed.SEE_REPORTS, Deed.OPEN_DIRECT,
}  # fmt: skip
"""What the trail tells of: not what people do for themselves."""


class WhenFilter(SentFilter):
    """What was done from one day to another, both included: a stretch of keys, which are given in order."""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Narrow the list to the days."""
        super().queryset(request, queryset)
        trail = AuditEntry.objects.all()
        if self.start is not None:
            queryset = queryset.filter(pk__gte=first_since(trail, self.start, "at"))
        if self.end is not None:
            queryset = queryset.filter(pk__lt=first_since(trail, self.end, "at"))
        return queryset


@admin.register(AuditEntry)
class AuditEntryAdmin(TrailAdminBase):
    """Who did what to whom, when, why. Nobody adds to it here, changes it or deletes from it."""

    list_display = ("at", "who", "did", "to_whom", "where", "what", "reason", "told")
    list_display_links = ("at",)
    list_filter = (ActorFilter, AboutFilter, RoomFilter, DeedFilter, WhenFilter)
    list_per_page = ON_A_PAGE
    list_select_related = ("room", "actor", "person")
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    sortable_by = ()
    actions = None
    fields = ("at", "who", "did", "to_whom", "where", "what", "reason", "told")
    readonly_fields = fields

    class Media:
        """What its pages need beside the admin's own."""

        css = {"all": ("rooms/css/admin.css",)}

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Tell that deeds write it."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Tell that it is never changed."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Tell that it stays."""
        return False

    def get_changelist(self, request: HttpRequest, **_kwargs: Any) -> type[KeysetChangeList]:
        """Return the list that goes by keys."""
        return KeysetChangeList

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """Show the trail under its own name."""
        title = capfirst(self.opts.verbose_name_plural)
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Tell that the list is narrowed by its filters alone: any other lookup may read all of it."""
        filters = (ActorFilter, AboutFilter, RoomFilter, DeedFilter, WhenFilter)
        return lookup in {OLDER, NEWER} or any(lookup in one.parameters for one in filters)

    @admin.display(description=_("who"))
    def who(self, entry: AuditEntry) -> str:
        """Return who did it, by what they log in with where they have an account still."""
        return _person(entry.actor, entry.actor_name) or str(_("(the server)"))

    @admin.display(description=_("deed"))
    def did(self, entry: AuditEntry) -> str:
        """Return what was done."""
        return entry.get_deed_display()

    @admin.display(description=_("to whom"))
    def to_whom(self, entry: AuditEntry) -> str:
        """Return to whom it was done."""
        return _person(entry.person, entry.person_name) or "-"

    @admin.display(description=_("room"))
    def where(self, entry: AuditEntry) -> str:
        """Return a link to the room."""
        if entry.room is None:
            return "-"
        page = reverse("admin:rooms_chatroom_change", args=[entry.room.pk])
        return format_html('<a href="{}">{}</a>', page, entry.room)

    @admin.display(description=_("message"))
    def what(self, entry: AuditEntry) -> str:
        """Return a link to the message."""
        if entry.message_id is None:
            return "-"
        page = reverse("admin:rooms_message_change", args=[entry.message_id])
        return format_html('<a href="{}">{}</a>', page, entry.message_id)

    @admin.display(description=_("details"))
    def told(self, entry: AuditEntry) -> str:
        """Return what else is told of it."""
        about = entry.details or {}
        return (
            ", ".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in about.items())
            or "-"
        )


def _person(user: Any, name: str) -> str:
    """Return somebody by the name that they had then; with an account, linked to what was done to them."""
    if user is None:
        return name
    page = reverse("admin:rooms_auditentry_changelist")
    about = urlencode({"person": user.get_username()})
    return format_html('<a href="{}?{}">{}</a>', page, about, name or user.get_username())
