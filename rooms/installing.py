"""The manifest, by which a browser puts the chat among a phone's or a desk's own applications."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.decorators import login_not_required
from django.http import JsonResponse
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language, get_language_bidi
from django.utils.translation import gettext as _
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

ICONS = (
    ("rooms/icon-192.png", "192x192", "image/png", "any"),
    ("rooms/icon-512.png", "512x512", "image/png", "any"),
    ("rooms/icon-maskable.png", "512x512", "image/png", "maskable"),
    ("rooms/icon.svg", "any", "image/svg+xml", "any"),
)
SURFACE = "#ffffff"
"""As `--surface` in tokens.css: around the page, and before it is there. A manifest has one colour."""


@login_not_required
@require_safe
@cache_control(no_cache=True)
def manifest(_request: HttpRequest) -> HttpResponse:
    """Return the manifest (W3C Web Application Manifest)."""
    start = reverse("rooms:index")
    told = {
        "id": start,
        "name": _("Chat"),
        "short_name": _("Chat"),
        "description": _("Rooms to talk in"),
        "lang": get_language(),
        "dir": "rtl" if get_language_bidi() else "ltr",
        "start_url": start,
        "scope": start,
        "display": "standalone",
        "theme_color": SURFACE,
        "background_color": SURFACE,
        "icons": [
            {"src": static(path), "sizes": sizes, "type": kind, "purpose": purpose}
            for path, sizes, kind, purpose in ICONS
        ],
    }
    return JsonResponse(told, content_type="application/manifest+json")
