"""What is put around every page of the rooms, whatever the site around them does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.urls import URLPattern

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def cover(patterns: Iterable[Any], around: Callable[..., Any]) -> None:
    """Put what `around` makes of a view in its place, for all pages of these patterns."""
    for one in patterns:
        if isinstance(one, URLPattern):
            one.callback = around(one.callback)
        else:
            cover(one.url_patterns, around)
