"""Rooms and tokens in the admin. Whatever is done to a room is done by `rooms.acting`.

Messages are in `rooms.admin_messages`; what else there is, the modules named at the end import.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import display_for_value
from django.db.models import OuterRef, Subquery
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy, ngettext

from rooms import acting, admin_conversation, admin_people
from rooms.actions import (
    Archive,
    CreateRoom,
    OpenToGuests,
    Rename,
    SetKeepDays,
    SetReadOnly,
    SetSlowMode,
    SetTopic,
    SetVisibility,
)
from rooms.admin_acting import RefusalsTold, TickedById, attempt, key, tell_refused
from rooms.admin_filters import NarrowedByFilters
from rooms.admin_messages import MessageAdmin
from rooms.admin_redaction import may_read
from rooms.admin_reports import ReportAdmin
from rooms.admin_suspensions import SuspensionAdmin
from rooms.admin_trail import AuditEntryAdmin
from rooms.models import ApiToken, ChatRoom, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from django.db.models import Model, QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.urls import URLPattern

    from rooms.actions import RoomAction

    RoomAdminBase = admin.ModelAdmin[ChatRoom]
    RoomFormBase = forms.ModelForm[ChatRoom]
    TokenAdminBase = admin.ModelAdmin[ApiToken]
else:
    RoomAdminBase = TokenAdminBase = admin.ModelAdmin
    RoomFormBase = forms.ModelForm

__all__ = [
    "ApiTokenAdmin", "AuditEntryAdmin", "ChatRoomAdmin", "MessageAdmin", "ReportAdmin", "SuspensionAdmin",
]  # fmt: skip

Visibility = ChatRoom.Visibility
NOT_DIRECT = [choice for choice in Visibility.choices if choice[0] != Visibility.DIRECT.value]

SETTINGS: Mapping[str, Callable[[str, Any], RoomAction]] = {
    "name": Rename,
    "topic": SetTopic,
    "visibility": lambda room, visibility: SetVisibility(room, visibility == Visibility.PRIVATE),
    "open_to_guests": OpenToGuests,
    "read_only": SetReadOnly,
    "slow_mode_s": SetSlowMode,
    "keep_days": SetKeepDays,
    "archived": Archive,
}
"""What each field of the form asks for, in the order in which it is done: a private room has no guests."""

MADE_WITH = frozenset({"name", "topic", "visibility"})
"""What a new room is made with; its other fields are set after that."""


class RoomForm(RoomFormBase):
    """A room as its fields and a box to tick for its archive.

    Each field carries what it held when the page was made, so that only what this person changed is done,
    and what somebody else changed meanwhile stays.
    """

    archived = forms.BooleanField(label=gettext_lazy("Archived"), required=False)

    class Meta:
        """What is edited."""

        model = ChatRoom
        fields = (
            "name", "slug", "topic", "visibility", "open_to_guests", "read_only", "slow_mode_s", "keep_days",
        )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["archived"].initial = self.instance.archived_at is not None
        visibility: Any = self.fields.get("visibility")
        if visibility is not None:
            visibility.choices = NOT_DIRECT
        if "slug" in self.fields:
            self.fields["slug"].required = False
            self.fields["slug"].help_text = gettext_lazy(
                "Small letters, digits and hyphens; made of the name where it is empty. It never changes."
            )
        for field in self.fields.values():
            field.show_hidden_initial = self.instance.pk is not None

    def settings(self, room: str, *, but: frozenset[str] = frozenset()) -> list[RoomAction]:
        """Return what was changed, as what it asks for."""
        changed = set(self.changed_data) - but
        return [make(room, self.cleaned_data[name]) for name, make in SETTINGS.items() if name in changed]


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
class ChatRoomAdmin(NarrowedByFilters, TickedById, RefusalsTold, RoomAdminBase):
    """The rooms. They are archived, never deleted: an address is not given again."""

    form = RoomForm
    list_display = ("name", "slug", "visibility", "is_archived", "read_only", "last_activity", "pages")
    list_filter = ("visibility", ArchivedFilter, "read_only", "open_to_guests")
    search_fields = ("name", "slug", "topic")
    actions = ("archive", "unarchive", "make_read_only", "make_writable")
    change_form_template = "admin/rooms/chatroom/change_form.html"
    fields = (
        "name", "slug", "topic", "visibility", "open_to_guests", "read_only", "slow_mode_s", "keep_days",
        "archived", "archived_at", "last_activity",
    )  # fmt: skip

    class Media:
        """What its pages need beside the admin's own."""

        css = {"all": ("rooms/css/admin.css",)}

    def view_on_site(self, room: ChatRoom) -> str:
        """Return the address of the room itself."""
        return reverse("rooms:room", args=[room.slug])

    def get_urls(self) -> list[URLPattern]:
        """Return the admin's pages, those of the people of a room and of what is said there."""
        return [
            path(
                f"<path:object_id>/{name}/",
                self.admin_site.admin_view(getattr(self, f"{name}_view")),
                name=f"rooms_chatroom_{name}",
            )
            for name in ("people", "conversation")
        ] + super().get_urls()

    def people_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the people of a room."""
        return admin_people.view(self, request, object_id)

    def conversation_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show what is said in a room."""
        return admin_conversation.view(self, request, object_id)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a room, with the ways to its people and to what is said there."""
        context = {**(extra_context or {}), "may_read": may_read(request)}
        return super().change_view(request, object_id, form_url, context)

    def save_model(self, request: HttpRequest, obj: ChatRoom, form: Any, change: Any) -> None:
        """Make the room, or do to it what was changed: all of it or nothing.

        Raises:
            rooms.log.Refusal: something of it is refused.
        """
        who = key(request)
        if change:
            acting.perform_all(who, form.settings(obj.slug))
            return
        private = obj.visibility == Visibility.PRIVATE
        made = acting.perform(who, CreateRoom(obj.name, obj.slug or None, obj.topic, private=private))
        acting.perform_all(who, form.settings(made.room, but=MADE_WITH))
        room = ChatRoom.objects.get(slug=made.room)
        for field in obj._meta.concrete_fields:
            setattr(obj, field.attname, getattr(room, field.attname))

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChatRoom]:
        """Return the rooms with the moment of their newest message, found by its key."""
        newest = Message.objects.filter(pk=OuterRef("last_message_id")).values("created_at")
        rooms: QuerySet[ChatRoom] = super().get_queryset(request).annotate(newest_at=Subquery(newest))
        return rooms

    def get_readonly_fields(self, request: HttpRequest, obj: ChatRoom | None = None) -> tuple[str, ...]:
        """Return what is only shown: the address too, once it is given, and that a room is one of two."""
        shown: tuple[str, ...] = ("archived_at", "last_activity")
        if obj is None:
            return shown
        return ("slug", "visibility", *shown) if obj.visibility == Visibility.DIRECT else ("slug", *shown)

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

    @admin.display(description=gettext_lazy("pages"))
    def pages(self, room: ChatRoom) -> str:
        """Return links to what is said in the room and to its people."""
        return format_html(
            '<a href="{}">{}</a> · <a href="{}">{}</a>',
            reverse("admin:rooms_chatroom_conversation", args=[room.pk]),
            gettext_lazy("Conversation"),
            reverse("admin:rooms_chatroom_people", args=[room.pk]),
            gettext_lazy("People"),
        )

    @admin.action(permissions=["change"], description=gettext_lazy("Archive selected rooms"))
    def archive(self, request: HttpRequest, queryset: QuerySet[ChatRoom]) -> None:
        """Close rooms to posts."""
        self._set(request, queryset.filter(archived_at__isnull=True), Archive, "Archived.")

    @admin.action(
        permissions=["change"], description=gettext_lazy("Bring selected rooms back from the archive")
    )
    def unarchive(self, request: HttpRequest, queryset: QuerySet[ChatRoom]) -> None:
        """Open archived rooms again."""
        archived = queryset.filter(archived_at__isnull=False)
        self._set(request, archived, lambda room: Archive(room, archived=False), "Brought back.")

    @admin.action(permissions=["change"], description=gettext_lazy("Let only moderators post"))
    def make_read_only(self, request: HttpRequest, queryset: QuerySet[ChatRoom]) -> None:
        """Let moderators alone post."""
        self._set(request, queryset.filter(read_only=False), SetReadOnly, "Read-only.")

    @admin.action(permissions=["change"], description=gettext_lazy("Let everybody post again"))
    def make_writable(self, request: HttpRequest, queryset: QuerySet[ChatRoom]) -> None:
        """Let everybody post."""
        closed = queryset.filter(read_only=True)
        self._set(request, closed, lambda room: SetReadOnly(room, read_only=False), "Open to posts.")

    def _set(
        self, request: HttpRequest, rooms: QuerySet[ChatRoom], act: Callable[[str], RoomAction], told: str
    ) -> None:
        """Do the same to several rooms, one transaction a room, and tell what came of it."""
        refused = []
        done = 0
        for room in list(rooms):
            detail = attempt(request, act(room.slug))
            if detail:
                refused.append(f"{room}: {detail}")
            else:
                done += 1
                self.log_change(request, room, told)
        changed = ngettext("%(count)d room was changed.", "%(count)d rooms were changed.", done) % {
            "count": done
        }
        self.message_user(request, changed, messages.SUCCESS)
        tell_refused(request, refused)


@admin.register(ApiToken)
class ApiTokenAdmin(NarrowedByFilters, TickedById, TokenAdminBase):
    """The tokens that people made: seen and revoked here, made by their owners alone."""

    list_display = ("name", "user", "created_at")
    list_select_related = ("user",)
    search_fields = ("name",)
    fields = ("user", "name", "created_at")
    readonly_fields = fields

    class Media:
        """What its pages need beside the admin's own."""

        css = {"all": ("rooms/css/admin.css",)}

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Tell that a token is made by its owner, who alone sees it."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Tell that there is nothing to change."""
        return False
