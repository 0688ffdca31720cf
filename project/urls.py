"""The site's pages. The API, the streams and the sockets are the realtime service's own."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

urlpatterns = [
    path("admin/", admin.site.urls),
    # What browsers ask for where a page names no icon, as the admin's do not.
    path("favicon.ico", RedirectView.as_view(url=f"{settings.STATIC_URL}rooms/icon.svg")),
    path("", include("rooms.urls")),
]
