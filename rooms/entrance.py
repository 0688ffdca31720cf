"""Where people log in: by the rooms' own page, or by the site's, which LOGIN_URL names.

Where it is the site's, so are its accounts: the rooms then make none, whatever is set or whoever invites.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import Http404
from django.shortcuts import resolve_url
from django.urls import resolve


def address(back: str = "") -> str:
    """Return where to log in, to go `back` afterwards where that is given."""
    return redirect_to_login(back).url if back else resolve_url(settings.LOGIN_URL)


def leads_somewhere() -> bool:
    """Tell whether there is a page, as far as can be told: that of another host may be."""
    place = urlsplit(address())
    return bool(place.netloc) or _namespaces(place.path) is not None


def is_ours() -> bool:
    """Tell whether the rooms' own page is the one where people log in."""
    return "rooms" in (_namespaces(urlsplit(address()).path) or [])


def _namespaces(path: str) -> list[str] | None:
    """Return whose page a path is, None where there is none."""
    try:
        return list(resolve(path).app_names)
    except Http404:
        return None
