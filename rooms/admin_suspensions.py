"""Suspensions in the admin: who is shut out of the site, why and till when. `rooms.acting` does it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth import get_user_model
from django.utils import timezone
from django.utils.translation import gettext_lazy, ngettext

from rooms import accounts, acting
from rooms.actions import Suspend, Unsuspend
from rooms.admin_acting import RefusalsTold, TickedById, attempt, key, tell_refused
from rooms.admin_filters import NarrowedByFilters
from rooms.models import Suspension

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

    SuspensionAdminBase = admin.ModelAdmin[Suspension]
    SuspensionFormBase = forms.ModelForm[Suspension]
else:
    SuspensionAdminBase = admin.ModelAdmin
    SuspensionFormBase = forms.ModelForm


class SuspensionForm(SuspensionFormBase):
    """Who, why, and for how long from now on."""

    minutes = forms.IntegerField(
        label=gettext_lazy("Minutes"),
        min_value=1,
        required=False,
        help_text=gettext_lazy("From now on. Empty: for good."),
    )

    class Meta:
        """What is edited."""

        model = Suspension
        fields = ("user", "reason")

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        """Take nobody for what is no key: the field that is searched as one types looks it up to show it."""
        if data is not None and accounts.key_of(data.get("user")) is None:
            data = data.copy()
            data["user"] = ""
        super().__init__(data, *args, **kwargs)


@admin.register(Suspension)
class SuspensionAdmin(NarrowedByFilters, TickedById, RefusalsTold, SuspensionAdminBase):
    """Who is shut out of the site. Saving one again begins it anew; deleting it lets them in."""

    form = SuspensionForm
    list_display = ("user", "reason", "created_at", "until", "holds")
    list_select_related = ("user",)
    ordering = ("-id",)
    raw_id_fields = ("user",)
    actions = ("let_in",)

    class Media:
        """What its pages need beside the admin's own."""

        css = {"all": ("rooms/css/admin.css",)}
        js = ("rooms/js/lookups.js",)

    def get_fields(self, request: HttpRequest, obj: Suspension | None = None) -> Any:
        """Return what is asked for; of one that there is, also when it began and ends."""
        asked = ("user", "minutes", "reason")
        return asked if obj is None else (*asked, "created_at", "until")

    def get_readonly_fields(self, request: HttpRequest, obj: Suspension | None = None) -> tuple[str, ...]:
        """Return what is only shown: whose it is, too, once there is one."""
        return () if obj is None else ("user", "created_at", "until")

    def get_autocomplete_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """Return the fields that are searched as one types: a site's user model may be registered, or not."""
        users = get_user_model()
        if not self.admin_site.is_registered(users):
            return ()
        return ("user",) if self.admin_site.get_model_admin(users).get_search_fields(request) else ()

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return the actions without Django's deletion of what is selected: `let_in` is that."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    @admin.display(description=gettext_lazy("in force"), boolean=True)
    def holds(self, suspension: Suspension) -> bool:
        """Tell whether its end is not reached."""
        return suspension.until is None or suspension.until > timezone.now()

    def save_model(self, request: HttpRequest, obj: Suspension, form: Any, change: Any) -> None:
        """Suspend somebody from now on.

        Raises:
            rooms.log.Refusal: they may not be.
        """
        said = form.cleaned_data
        acting.perform(key(request), Suspend(accounts.wire_id(obj.user_id), said["minutes"], said["reason"]))
        obj.pk = Suspension.objects.values_list("pk", flat=True).get(user=obj.user_id)

    def delete_model(self, request: HttpRequest, obj: Suspension) -> None:
        """Let somebody in. One that has ended by itself is only tidied away.

        Raises:
            rooms.log.Refusal: they may not be let in.
        """
        if self.holds(obj):
            acting.perform(key(request), Unsuspend(accounts.wire_id(obj.user_id)))
        else:
            obj.delete()

    @admin.action(permissions=["delete"], description=gettext_lazy("Let those selected in again"))
    def let_in(self, request: HttpRequest, queryset: QuerySet[Suspension]) -> None:
        """End suspensions, each by itself, and tell what came of it."""
        refused = [
            attempt(request, Unsuspend(accounts.wire_id(user)))
            for user in queryset.values_list("user", flat=True)
        ]
        if done := refused.count(""):
            told = ngettext(
                "%(count)d person was let in again.", "%(count)d people were let in again.", done
            ) % {"count": done}
            self.message_user(request, told, messages.SUCCESS)
        tell_refused(request, refused)
