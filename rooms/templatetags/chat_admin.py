"""What the admin's first page asks for."""

from __future__ import annotations

from django import template

from rooms.admin_reports import number_waiting

register = template.Library()


@register.simple_tag
def reports_waiting() -> str:
    """Return how many reports wait, up to a bound."""
    return number_waiting()
