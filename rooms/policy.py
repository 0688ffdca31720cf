"""What a browser may do on the rooms' pages (Content Security Policy, level 3).

On this site every page carries it, by a middleware. On a site that has none the rooms' own do all the same.
"""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django.conf import settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

HEADER = "Content-Security-Policy"

# `connect-src 'self'` is the WebSocket too; nothing inline, nothing from elsewhere.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self'; "
    "font-src 'self'; connect-src 'self'; manifest-src 'self'; worker-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
OF_FILES = ("script-src", "style-src", "img-src", "font-src")


def policy() -> str:
    """Return the site's policy where it has one in words, else ours, with the host of static files."""
    # Other packages keep a dictionary by this name.
    own = getattr(settings, "CONTENT_SECURITY_POLICY", None)
    if isinstance(own, str):
        return own
    place = urlsplit(settings.STATIC_URL or "")
    if not place.netloc:
        return POLICY
    parts = [one.strip() for one in POLICY.split(";")]
    host = f"{place.scheme}://{place.netloc}"
    return "; ".join(f"{one} {host}" if one.startswith(OF_FILES) else one for one in parts)


def guarded(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Have a page carry the policy, unless it brings its own."""

    @wraps(view)
    def carrying(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response.headers.setdefault(HEADER, policy())
        return response

    return carrying
