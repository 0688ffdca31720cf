"""Messages in the admin: browsed, seen in their context, redacted. Nothing writes around `rooms.log`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from rooms import admin_export, admin_files, admin_redaction
from rooms.admin_acting import ReasonForm, TickedById, may
from rooms.admin_browsing import MessageChangeList
from rooms.admin_files import files_of
from rooms.admin_filters import AuthorFilter, KindFilter, RoomFilter, SentFilter
from rooms.admin_keyset import NEWER, OLDER
from rooms.admin_moments import nameable
from rooms.admin_redaction import TO_PURGE, AllOfForm, PurgeForm, may_read, may_redact, redact, target_of
from rooms.admin_versions import Version, versions
from rooms.messages import Kind
from rooms.models import Message, WithheldText

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django import forms
    from django.db.models import Model, QuerySet
    from django.http.response import HttpResponseBase
    from django.urls import URLPattern

    MessageAdminBase = admin.ModelAdmin[Message]
else:
    MessageAdminBase = admin.ModelAdmin

AROUND = 5
"""How many messages before and after one are shown with it."""
CHANGES_SHOWN = 100
ON_A_PAGE = 100


@admin.register(Message)
class MessageAdmin(TickedById, MessageAdminBase):
    """The log of every room. Its rows stay; their text can be withheld."""

    list_display = ("id", "room", "who", "kind", "text", "created_at")
    list_display_links = ("id", "text")
    list_filter = (RoomFilter, AuthorFilter, KindFilter, SentFilter)
    list_per_page = ON_A_PAGE
    list_select_related = ("room", "author")
    search_fields = ("body",)
    search_help_text = gettext_lazy("Words of the text. Withheld text is not found.")
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    sortable_by = ()
    actions = ("redact_selected",)
    change_form_template = "admin/rooms/message/change_form.html"
    fields = (
        "id", "room", "kind", "who", "body", "created_at", "link_to_target", "link_to_answered", "redacted",
        "edited_at", "changed", "nonce", "place",
    )  # fmt: skip
    readonly_fields = fields

    class Media:
        """What its pages need beside the admin's own."""

        css = {"all": ("rooms/css/admin.css",)}

    # Who may do what

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Tell that none is added here: people post."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Tell that none is changed here: authors edit, moderators redact."""
        return False

    def has_redact_permission(self, request: HttpRequest) -> bool:
        """Tell whether this person may redact: the permission to change or to delete messages."""
        return may_redact(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Tell whether this person may redact, since that is what deleting does here."""
        return self.has_redact_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Tell whether this person may read all rooms: whoever may redact may."""
        return may_read(request)

    # The list

    def get_changelist(self, request: HttpRequest, **_kwargs: Any) -> type[MessageChangeList]:
        """Return the list that goes by keys."""
        return MessageChangeList

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Tell that the list is narrowed by its filters alone: any other lookup may read the whole log."""
        filters = (RoomFilter, AuthorFilter, KindFilter, SentFilter)
        return lookup in {OLDER, NEWER} or any(lookup in one.parameters for one in filters)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return the actions without Django's deletion of what is selected."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Message], search_term: str
    ) -> tuple[QuerySet[Message], bool]:
        """Leave the text to the list, which goes by the index of words."""
        return queryset, False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list, with a link to a download of all that is filtered."""
        filtered = request.GET.copy()
        for name in (OLDER, NEWER):
            filtered.pop(name, None)
        return super().changelist_view(
            request, {**(extra_context or {}), "export_query": filtered.urlencode()}
        )

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """Send what is filtered as JSON Lines."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return admin_export.response(self, request)

    @admin.display(description=gettext_lazy("author"))
    def who(self, message: Message) -> str:
        """Return what the author logs in with."""
        return message.author.get_username() if message.author is not None else _("(no account)")

    @admin.display(description=gettext_lazy("text"))
    def text(self, message: Message) -> str:
        """Return the beginning of the text."""
        return Truncator(message.body).chars(120) or (_("(withheld)") if message.redacted else "-")

    # The page of one message

    @admin.display(description=gettext_lazy("in the conversation"))
    def place(self, message: Message) -> str:
        """Return a link to where it was said."""
        page = reverse("admin:rooms_chatroom_conversation", args=[message.room_id])
        return format_html('<a href="{}?message={}">{}</a>', page, message.pk, _("Show it there"))

    @admin.display(description=gettext_lazy("about"))
    def link_to_target(self, message: Message) -> str:
        """Return a link to what an edit or a redaction is about."""
        return _link(message.target)

    @admin.display(description=gettext_lazy("in reply to"))
    def link_to_answered(self, message: Message) -> str:
        """Return a link to the message answered."""
        return _link(message.reply_to)

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a message with what was said around it, what changed it, and what is withheld."""
        message = self.get_object(request, object_id)
        context: dict[str, Any] = {**(extra_context or {}), "show_delete": False}
        if message is not None and self.has_view_permission(request, message):
            context |= self._shown_with(request, message)
        return super().change_view(request, object_id, form_url, context)

    def _shown_with(self, request: HttpRequest, message: Message) -> dict[str, Any]:
        beside = Message.objects.filter(room=message.room_id).select_related("author")
        before = list(beside.filter(id__lt=message.pk).order_by("-id")[:AROUND])
        after = list(beside.filter(id__gt=message.pk).order_by("id")[:AROUND])
        amended = beside.filter(target=message.pk, kind__in=(Kind.EDIT.value, Kind.REDACTION.value))
        changes = list(amended.order_by("id")[:CHANGES_SHOWN])
        withheld = self._withheld(request, [message, *changes])
        said = message.kind == Kind.MESSAGE
        redacts = self.has_redact_permission(request)
        purges = withheld and said and message.redacted and may(request, *TO_PURGE)
        return {
            "around": [*reversed(before), message, *after],
            "changes": changes,
            "versions": self._versions(message, changes, withheld),
            "withheld": withheld,
            "files": files_of([message], withheld=self._may_read_withheld(request)).get(message.pk, ()),
            "reason_form": ReasonForm() if redacts and said and not message.redacted else None,
            "all_of_form": AllOfForm(initial={"since": nameable(message.created_at)}, prefix="all")
            if redacts and message.author_id is not None
            else None,
            "purge_form": PurgeForm() if purges else None,
        }

    @staticmethod
    def _may_read_withheld(request: HttpRequest) -> bool:
        return request.user.has_perm("rooms.view_withheldtext")

    def _versions(
        self, message: Message, changes: Sequence[Message], withheld: Sequence[WithheldText]
    ) -> list[Version]:
        """Return what an edited message said in turn, for whom may read what is withheld."""
        return versions(message, changes, withheld) if withheld and message.edited_at is not None else []

    def _withheld(self, request: HttpRequest, rows: Sequence[Message]) -> list[WithheldText]:
        """Return the texts withheld from these rows, for whom may read them."""
        if not self._may_read_withheld(request):
            return []
        return list(WithheldText.objects.filter(message__in=rows).order_by("message", "id")[:CHANGES_SHOWN])

    # Redaction

    def get_urls(self) -> list[URLPattern]:
        """Return the admin's pages, and those that redact and remove."""
        file = path(
            "<path:object_id>/files/<slug:key>/",
            self.admin_site.admin_view(admin_files.view),
            name="rooms_message_file",
        )
        export = path("export/", self.admin_site.admin_view(self.export_view), name="rooms_message_export")
        return (
            [export, file]
            + [
                path(
                    f"<path:object_id>/{name}/",
                    self.admin_site.admin_view(getattr(self, f"{name}_view")),
                    name=f"rooms_message_{name}",
                )
                for name in ("redact", "redact_all_of", "purge")
            ]
            + super().get_urls()
        )

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Redact, since no row of a log is deleted."""
        return self.redact_view(request, object_id)

    def redact_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the reason; with it, redact one message and go back to it."""
        if not self.has_redact_permission(request):
            raise PermissionDenied
        message = self.get_object(request, object_id)
        if message is None:
            return self._missing(request)
        form = ReasonForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            redact(request, [message], form.cleaned_data["reason"])
            return HttpResponseRedirect(_page_of(target_of(message)))
        return self._asked(request, [message], form, back=_page_of(message.pk))

    def redact_all_of_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Redact all that the author of a message said in its room since a moment, and go back to it."""
        if not self.has_redact_permission(request):
            raise PermissionDenied
        message = self.get_object(request, object_id)
        if message is None or message.author_id is None:
            return self._missing(request)
        form = AllOfForm(request.POST if request.method == "POST" else None, prefix="all")
        if form.is_valid():
            admin_redaction.redact_all_of(request, message.author_id, message.room.slug, form.cleaned_data)
            return HttpResponseRedirect(_page_of(message.pk))
        return self._asked(
            request, [message], form, back=_page_of(message.pk), title=_("Redact all of its author")
        )

    def purge_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Remove for good what is withheld of a message, once somebody says that they mean it."""
        if not may(request, *TO_PURGE):
            raise PermissionDenied
        message = self.get_object(request, object_id)
        if message is None:
            return self._missing(request)
        form = PurgeForm(request.POST if request.method == "POST" else None)
        if form.is_valid():
            admin_redaction.purge(request, message)
            return HttpResponseRedirect(_page_of(message.pk))
        return self._asked(request, [message], form, back=_page_of(message.pk), title=_("Remove for good"))

    def _missing(self, request: HttpRequest) -> HttpResponse:
        self.message_user(request, _("There is no such message."), messages.WARNING)
        return HttpResponseRedirect(reverse("admin:index"))

    @admin.action(permissions=["redact"], description=gettext_lazy("Redact selected messages"))
    def redact_selected(self, request: HttpRequest, queryset: QuerySet[Message]) -> HttpResponse | None:
        """Ask for the reason; with it, redact the messages that were ticked, which one page at most holds."""
        ticked = request.POST.getlist(ACTION_CHECKBOX_NAME)[:ON_A_PAGE]
        rows = list(queryset.filter(pk__in=ticked)[:ON_A_PAGE])
        form = ReasonForm(request.POST if "reason" in request.POST else None)
        if not form.is_valid():
            return self._asked(request, rows, form, back=request.get_full_path(), action="redact_selected")
        redact(request, rows, form.cleaned_data["reason"])
        return None

    def delete_model(self, request: HttpRequest, obj: Message) -> None:
        """Redact, whatever of Django's comes here."""
        redact(request, [obj], "")

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> None:
        """Redact, whatever of Django's comes here."""
        redact(request, list(queryset[:ON_A_PAGE]), "")

    def _asked(
        self,
        request: HttpRequest,
        rows: Sequence[Message],
        form: forms.Form,
        *,
        back: str,
        action: str = "",
        title: str = "",
    ) -> HttpResponse:
        """Ask for what is missing; `title` names anything but a redaction of these rows."""
        context = {
            **self.admin_site.each_context(request),
            "title": title or _("Redact"),
            "is_redaction": not title,
            "opts": self.opts,
            "rows": rows,
            "form": form,
            "back": back,
            "action": action,
            "media": self.media,
            "checkbox": ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/rooms/message/redact.html", context)


def _page_of(message_id: int) -> str:
    return reverse("admin:rooms_message_change", args=[message_id])


def _link(message_id: int | None) -> str:
    return (
        format_html('<a href="{}">{}</a>', _page_of(message_id), message_id)
        if message_id is not None
        else "-"
    )
