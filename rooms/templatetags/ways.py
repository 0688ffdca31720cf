"""What the pages ask for to know which ways they can offer."""

from __future__ import annotations

from typing import Any

from django import template

from rooms import entrance, permissions
from rooms.actions import Deed

register = template.Library()


@register.simple_tag
def log_in_address() -> str:
    """Return where people log in."""
    return entrance.address()


@register.simple_tag
def keeps_accounts() -> bool:
    """Tell whether accounts are the rooms' business: they are where one logs in by the rooms' own page."""
    return entrance.is_ours()


@register.simple_tag(takes_context=True)
def may_make_rooms(context: dict[str, Any]) -> bool:
    """Tell whether the reader may make a room."""
    user = context["user"]
    standing = permissions.Standing(known=user.is_authenticated, staff=getattr(user, "is_staff", False))
    return permissions.may_on_site(Deed.CREATE_ROOM, standing)
