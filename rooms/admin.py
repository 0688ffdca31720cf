"""Rooms and tokens in the admin; messages are in `rooms.admin_messages`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import display_for_value
from django.contrib.auth import get_user_model
from django.db.models import OuterRef, Subquery
from django.urls import reverse
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_lazy, ngettext

from rooms.admin_messages import MessageAdmin
from rooms.models import ApiToken, Ban, ChatRoom, Membership, Message

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from django.db.models import Model, QuerySet
    from django.http import HttpRequest, HttpResponse

    InlineBase = admin.TabularInline[Any, ChatRoom]
    RoomAdminBase = admin.ModelAdmin[ChatRoom]
    RoomFormBase = forms.ModelForm[ChatRoom]
    TokenAdminBase = admin.ModelAdmin[ApiToken]
else:
    InlineBase = admin.TabularInline
    RoomAdminBase = TokenAdminBase = admin.ModelAdmin
    RoomFormBase = forms.ModelForm

__all__ = ["ApiTokenAdmin", "ChatRoomAdmin", "MessageAdmin"]


SHOWN_AT_MOST = 80
"""How many members, and how many bans, one form holds: Django takes 1,000 fields, a pair has 12."""


class PeopleInline(InlineBase):
    """People of a room, found by typing where the site's own admin of users can search, else by key."""

    extra = 0
    raw_id_fields = ("user",)
    readonly_fields = ("created_at",)

    @classmethod
    def are_too_many(cls, room: ChatRoom) -> bool:
        """Tell whether a form of all of them would be larger than Django takes."""
        return bool(cls.model._default_manager.filter(room=room)[SHOWN_AT_MOST : SHOWN_AT_MOST + 1])

    def get_autocomplete_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the fields that are searched as one types: a site's user model may be registered, or not."""
        users = get_user_model()
        if not self.admin_site.is_registered(users):
            return ()
        return ("user",) if self.admin_site.get_model_admin(users).get_search_fields(request) else ()


class MembershipInline(PeopleInline):
    """Who belongs to a room."""

    model = Membership


class BanInline(PeopleInline):
    """Who is shut out of a room."""

    model = Ban


class RoomForm(RoomFormBase):
    """A room, with a box to tick for its archive; the log keeps since when."""

    archived = forms.BooleanField(
        label=gettext_lazy("Archived"),
        required=False,
    )

    class Meta:
        """What is edited."""

        model = ChatRoom
        fields = ("name", "slug", "topic", "visibility", "open_to_guests", "read_only")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["archived"].initial = self.instance.archived_at is not None

    def clean(self) -> dict[str, Any] | None:
        """Set when the room was archived, unless it was before."""
        cleaned = super().clean()
        archived = self.cleaned_data.get("archived")
        if not archived:
            self.instance.archived_at = None
        elif self.instance.archived_at is None:
            self.instance.archived_at = timezone.now()
        return cleaned


class ArchivedFilter(admin.SimpleListFilter):
    """Rooms in use, or archived."""

    title = gettext_lazy("archive")
    parameter_name = "archived"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return the two kinds."""
        return [("no", gettext_lazy("In use")), ("yes", gettext_lazy("Archived"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ChatRoom]) -> QuerySet[ChatRoom]:
        """Narrow the list."""
        value = self.value()
        return queryset if value is None else queryset.filter(archived_at__isnull=value != "yes")


@admin.register(ChatRoom)
class ChatRoomAdmin(RoomAdminBase):
    """The rooms. They are archived, never deleted: an address is not given again."""

    form = RoomForm
    list_display = ("name", "slug", "visibility", "is_archived", "read_only", "last_activity")
    list_filter = ("visibility", ArchivedFilter, "read_only", "open_to_guests")
    search_fields = ("name", "slug", "topic")
    actions = ("archive", "unarchive")
    fields = (
        "name", "slug", "topic", "visibility", "open_to_guests", "read_only", "archived", "archived_at",
        "last_activity",
    )  # fmt: skip
    inlines = (MembershipInline, BanInline)

    def view_on_site(self, room: ChatRoom) -> str:
        """Return the address of the room itself."""
        return reverse("rooms:room", args=[room.slug])

    def get_inlines(self, request: HttpRequest, obj: ChatRoom | None) -> list[Any]:
        """Return who belongs to a room and who is shut out, each unless they are too many for one form."""
        if obj is None:
            return list(self.inlines)
        return [inline for inline in self.inlines if not inline.are_too_many(obj)]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a room, and say which of its people are not shown."""
        room = self.get_object(request, object_id) if request.method == "GET" else None
        for inline in self.inlines:
            if room is not None and inline.are_too_many(room):
                told = gettext("%(people)s: more than %(number)d, too many to be shown on this page.")
                people = capfirst(inline.model._meta.verbose_name_plural)
                self.message_user(
                    request, told % {"people": people, "number": SHOWN_AT_MOST}, messages.WARNING
                )
        return super().change_view(request, object_id, form_url, extra_context)

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChatRoom]:
        """Return the rooms with the moment of their newest message, found by its key."""
        newest = Message.objects.filter(pk=OuterRef("last_message_id")).values("created_at")
        return super().get_queryset(request).annotate(newest_at=Subquery(newest))

    def get_readonly_fields(self, request: HttpRequest, obj: ChatRoom | None = None) -> tuple[str, ...]:
        """Return what is only shown: the address too, once it is given."""
        shown = ("archived_at", "last_activity")
        return ("slug", *shown) if obj is not None else shown

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Tell that rooms stay."""
        return False

    @admin.display(description=gettext_lazy("archived"), boolean=True, ordering="archived_at")
    def is_archived(self, room: ChatRoom) -> bool:
        """Tell whether the room is closed to posts for good."""
        return room.archived_at is not None

    @admin.display(description=gettext_lazy("last activity"), ordering="newest_at")
    def last_activity(self, room: ChatRoom) -> str:
        """Return when the newest message came. A room that is being made has none."""
        return display_for_value(getattr(room, "newest_at", None), "-")

    @admin.action(permissions=["change"], description=gettext_lazy("Archive selected rooms"))
    def archive(self, request: HttpRequest, queryset: QuerySet[ChatRoom]) -> None:
        """Close rooms to posts."""
        self._set_archived(request, queryset.filter(archived_at__isnull=True), timezone.now())

    @admin.action(
        permissions=["change"], description=gettext_lazy("Bring selected rooms back from the archive")
    )
    def unarchive(self, request: HttpRequest, queryset: QuerySet[ChatRoom]) -> None:
        """Open archived rooms again."""
        self._set_archived(request, queryset.filter(archived_at__isnull=False), None)

    def _set_archived(self, request: HttpRequest, rooms: Iterable[ChatRoom], moment: datetime | None) -> None:
        """Save each by itself, so that its readers' access is asked again."""
        told = "Archived." if moment else "Brought back from the archive."
        rows = list(rooms)
        for room in rows:
            room.archived_at = moment
            room.save(update_fields=["archived_at"])
            self.log_change(request, room, told)
        changed = ngettext("%d room was changed.", "%d rooms were changed.", len(rows)) % len(rows)
        self.message_user(request, changed, messages.SUCCESS)


@admin.register(ApiToken)
class ApiTokenAdmin(TokenAdminBase):
    """The tokens that people made: seen and revoked here, made by their owners alone."""

    list_display = ("name", "user", "created_at")
    list_select_related = ("user",)
    search_fields = ("name",)
    fields = ("user", "name", "created_at")
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Tell that a token is made by its owner, who alone sees it."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Tell that there is nothing to change."""
        return False
