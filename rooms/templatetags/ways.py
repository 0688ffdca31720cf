"""What the pages ask for to know which ways they can offer."""

from __future__ import annotations

from typing import Any

from django import template

from rooms import permissions
from rooms.actions import Deed

register = template.Library()


@register.simple_tag(takes_context=True)
def may_make_rooms(context: dict[str, Any]) -> bool:
    """Tell whether the reader may make a room."""
    user = context["user"]
    standing = permissions.Standing(known=user.is_authenticated, staff=getattr(user, "is_staff", False))
    return permissions.may_on_site(Deed.CREATE_ROOM, standing)
