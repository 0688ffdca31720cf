"""Which languages the rooms' pages are in: those of the site that there is a whole translation of.

Django's own apps know a hundred. A page in any other of them would be half in it, by the words that Django
translates too, and say to a screen reader that it were all of it.
"""

from __future__ import annotations

from functools import cache, wraps
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.utils import translation

from rooms.catalog import carried

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

WRITTEN_IN = "en"
OF_OURS = "Not all that you wrote is sent yet. Log out and lose it?"
"""What no catalog but one of ours holds: a site's own may be of other texts."""
CHOOSING = "django.middleware.locale.LocaleMiddleware"


@cache
def is_spoken(code: str) -> bool:
    """Tell whether the rooms' texts are there in a language."""
    catalog = carried(code)
    return _plain(code) == WRITTEN_IN or (catalog is not None and OF_OURS in catalog["words"])


def offered() -> list[str]:
    """Return the codes of the languages that a reader may choose; none where nobody would heed it."""
    if CHOOSING not in settings.MIDDLEWARE or not settings.USE_I18N:
        return []
    codes = [code for code, _name in settings.LANGUAGES]
    # As one is spoken in some country it is the same here.
    return [code for code in codes if is_spoken(code) and (_plain(code) == code or _plain(code) not in codes)]


def _plain(code: str) -> str:
    return code.partition("-")[0]


def spoken(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Have a page speak the language in force, or else the one that it is written in."""

    @wraps(view)
    def speaking(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if is_spoken(translation.get_language() or WRITTEN_IN):
            return view(request, *args, **kwargs)
        with translation.override(WRITTEN_IN):
            response = view(request, *args, **kwargs)
            # One that is rendered later would be in the other language.
            render = getattr(response, "render", None)
            response = render() if render is not None else response
        response.headers.setdefault("Content-Language", WRITTEN_IN)
        return response

    return speaking
