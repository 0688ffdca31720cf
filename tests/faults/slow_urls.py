"""The site's pages, and pages that take five seconds, with or without a room's lock held."""

from __future__ import annotations

import threading

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

from rooms.models import ChatRoom

TAKES_S = 5.0


def slow(_request: HttpRequest) -> HttpResponse:
    """Answer late."""
    threading.Event().wait(TAKES_S)
    return HttpResponse("slow")


def holding(_request: HttpRequest, slug: str) -> HttpResponse:
    """Answer late, and hold a room's lock all the while."""
    with transaction.atomic():
        ChatRoom.objects.select_for_update().get(slug=slug)
        threading.Event().wait(TAKES_S)
    return HttpResponse("held")


urlpatterns = [
    path("slow/", slow),
    path("slow/<slug:slug>/", holding),
    path("", include("project.urls")),
]
