"""The pages of the rooms."""

from __future__ import annotations

from django.urls import include, path
from django.views.i18n import set_language

from rooms import (
    installing,
    invitation_views,
    languages,
    member_views,
    policy,
    report_views,
    room_views,
    search_views,
    views,
)  # fmt: skip
from rooms.covering import cover

app_name = "rooms"
urlpatterns = [
    path("", views.index, name="index"),
    path("rooms/new/", room_views.new_room, name="new_room"),
    path("rooms/<slug:slug>/", views.room, name="room"),
    path("rooms/<slug:slug>/settings/", room_views.settings, name="settings"),
    path("rooms/<slug:slug>/people/", member_views.members, name="members"),
    path("rooms/<slug:slug>/invitations/", invitation_views.listed, name="invitations"),
    path(
        "rooms/<slug:slug>/invitations/<int:key>/revoke/", invitation_views.revoke, name="revoke_invitation"
    ),
    path("direct/", room_views.direct, name="direct"),
    path("invite/<str:token>/", invitation_views.invitation, name="invitation"),
    path("invite/<str:token>/account/", invitation_views.new_account, name="invitation_account"),
    path("search/", search_views.page, name="search"),
    path("manifest.webmanifest", installing.manifest, name="manifest"),
    path("reports/", report_views.queue, name="reports"),
    path("reports/<int:key>/", report_views.settle, name="settle_report"),
    path("language/", set_language, name="set_language"),
    path("", include("rooms.account_urls")),
]
# Most is left to the site; not what would be missed by those who read.
cover(urlpatterns, policy.guarded)
cover(urlpatterns, languages.spoken)
