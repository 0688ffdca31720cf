"""The pages of the rooms."""

from __future__ import annotations

from django.urls import include, path

from rooms import views

app_name = "rooms"
urlpatterns = [
    path("", views.index, name="index"),
    path("rooms/<slug:slug>/", views.room, name="room"),
    path("", include("rooms.account_urls")),
]
