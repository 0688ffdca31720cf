"""What every page asks for about its language."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

from django import template
from django.core.serializers.json import DjangoJSONEncoder
from django.utils.formats import date_format
from django.utils.html import format_html, json_script
from django.utils.timezone import localtime
from django.utils.translation import get_language, get_language_bidi

from rooms import languages
from rooms.catalog import carried

if TYPE_CHECKING:
    import datetime as dt

    from django.utils.safestring import SafeString

register = template.Library()
TURNING = frozenset({"R", "AL", "RLE", "LRE", "RLO", "LRO", "RLI", "LRI", "FSI", "PDI", "PDF"})
"""Bidirectional classes of what is written from right to left, and of marks that turn the direction."""


class AsWritten(DjangoJSONEncoder):
    """Writes letters as they are: escaped, Arabic is three times as long."""

    def __init__(self, **how: Any) -> None:
        """Take what `json.dumps` hands on."""
        super().__init__(**how | {"ensure_ascii": False})


@register.simple_tag
def offered_languages() -> list[str]:
    """Return the codes of the languages that a reader may choose."""
    return languages.offered()


@register.simple_tag
def client_catalog() -> SafeString | str:
    """Return what `js/i18n.js` reads; nothing in English, which its calls are written in."""
    catalog = carried(get_language() or "en")
    return json_script(catalog, "catalog", AsWritten) if catalog else ""


@register.filter
def isolated(name: object) -> str:
    """Return a name so that its direction and that of the sentence around it leave each other alone.

    As `js/i18n.js` does it: by marks, for sentences that stand in attributes too, and only where it matters.
    """
    text = str(name)
    turns = get_language_bidi() or any(unicodedata.bidirectional(one) in TURNING for one in text)
    return f"\u2068{text}\u2069" if turns else text


@register.filter
def moment(at: dt.datetime) -> SafeString:
    """Return a point in time as an element: in the site's zone until `js/site.js` puts it in the reader's."""
    return format_html(
        '<time datetime="{}">{}</time>', at.isoformat(), date_format(localtime(at), "DATETIME_FORMAT")
    )
