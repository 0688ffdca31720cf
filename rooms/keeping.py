"""Making and running rooms: their names, who knows of them, whether they are open. Each change is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from rooms import addresses, bounds, log, pace, reading
from rooms.actions import (
    Archive,
    CreateRoom,
    OpenToGuests,
    Rename,
    SetKeepDays,
    SetReadOnly,
    SetSlowMode,
    SetTopic,
    SetVisibility,
)
from rooms.answers import Opened
from rooms.messages import Code, Event, Refused
from rooms.models import ChatRoom, Membership

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from django.contrib.auth.models import AbstractBaseUser

    from rooms.actions import Action
    from rooms.doing import Doing

NAME_LENGTH = 120
TOPIC_LENGTH = 250
SLOW_MODE_MOST_S = 86_400
KEEP_DAYS_MOST = 36_500
Visibility = ChatRoom.Visibility

TAKEN = Refused(Code.TAKEN, "room: this address is in use, or was.")


def create_room(doing: Doing, action: CreateRoom) -> Opened:
    """Make a room that whoever asks for it owns.

    Raises:
        rooms.log.Refusal: a field is no good, the address given is taken, or they made too many of late.
    """
    name = bounds.line("name", action.name, NAME_LENGTH, least=1)
    topic = bounds.line("topic", action.topic, TOPIC_LENGTH)
    pace.check_rooms(doing)
    slugs = addresses.of_name(name) if action.slug is None else iter([addresses.given(action.slug)])
    visibility = Visibility.PRIVATE if action.private else Visibility.PUBLIC
    room = _first_free(slugs, name=name, topic=topic, visibility=visibility)
    if doing.user is not None:
        _own(doing.user, room)
    doing.tell(Event.CREATED, room=room)
    doing.note(action.deed, room=room, details={"name": name, "visibility": visibility.value})
    return Opened(room.slug, fresh=True)


def _first_free(slugs: Iterator[str], **fields: Any) -> ChatRoom:
    """Return a new room at the first of these addresses that nobody had, or takes at this very moment.

    Raises:
        rooms.log.Refusal: all are taken.
    """
    for slug in slugs:
        if slug in addresses.RESERVED or ChatRoom.objects.filter(slug=slug).exists():
            continue
        try:
            with transaction.atomic():
                return ChatRoom.objects.create(slug=slug, **fields)
        except IntegrityError:
            continue
    raise log.Refusal(TAKEN)


def _own(user: AbstractBaseUser, room: ChatRoom) -> None:
    Membership.objects.create(room=room, user_id=user.pk, role=Membership.Role.OWNER)
    reading.begin(room, [user])


def rename(doing: Doing, action: Rename) -> None:
    """Give a room another name."""
    name = bounds.line("name", action.name, NAME_LENGTH, least=1)
    if _changed(doing, name=name):
        doing.tell(Event.RENAMED, value=name)
        doing.note(action.deed, details={"name": name})


def set_topic(doing: Doing, action: SetTopic) -> None:
    """Say what a room is about."""
    topic = bounds.line("topic", action.topic, TOPIC_LENGTH)
    if _changed(doing, topic=topic):
        doing.tell(Event.TOPIC, value=topic)
        doing.note(action.deed, details={"topic": topic})


def set_visibility(doing: Doing, action: SetVisibility) -> None:
    """Make a room private, and belong to it, or public. No guest reads a private one, also not later."""
    visibility = Visibility.PRIVATE if action.private else Visibility.PUBLIC
    shut = action.private and doing.here.open_to_guests
    if not _changed(doing, visibility=visibility):
        return
    if shut:
        _changed(doing, open_to_guests=False)
        doing.tell(Event.GUESTS, value=False)
    if action.private and doing.user is not None and doing.standing.role is None:
        _own(doing.user, doing.here)
        doing.tell(Event.JOINED, doing.user)
        doing.tell(Event.ROLE, doing.user, Membership.Role.OWNER.value)
    doing.tell(Event.VISIBILITY, value=visibility.value)
    doing.note(action.deed, details={"visibility": visibility.value})


def open_to_guests(doing: Doing, action: OpenToGuests) -> None:
    """Let guests read a public room, or not.

    Raises:
        rooms.log.Refusal: it is private.
    """
    if action.open_to_guests and doing.here.visibility != Visibility.PUBLIC:
        raise bounds.refusal("open_to_guests", "a private room is not open to guests.")
    if _changed(doing, open_to_guests=action.open_to_guests):
        doing.tell(Event.GUESTS, value=action.open_to_guests)
        doing.note(action.deed, details={"open_to_guests": action.open_to_guests})


def archive(doing: Doing, action: Archive) -> None:
    """Close a room to posts, or open it again."""
    if action.archived == (doing.here.archived_at is not None):
        return
    _changed(doing, archived_at=timezone.now() if action.archived else None)
    doing.tell(Event.ARCHIVED if action.archived else Event.UNARCHIVED)
    doing.note(action.deed, details={"archived": action.archived})


def set_read_only(doing: Doing, action: SetReadOnly) -> None:
    """Let moderators alone post, or everybody."""
    if _changed(doing, read_only=action.read_only):
        doing.tell(Event.READ_ONLY, value=action.read_only)
        doing.note(action.deed, details={"read_only": action.read_only})


def set_slow_mode(doing: Doing, action: SetSlowMode) -> None:
    """Set how long a member waits between two messages."""
    seconds = bounds.number("slow_mode", action.seconds, 0, SLOW_MODE_MOST_S)
    if _changed(doing, slow_mode_s=seconds):
        doing.tell(Event.SLOW_MODE, value=seconds)
        doing.note(action.deed, details={"slow_mode": seconds})


def set_keep_days(doing: Doing, action: SetKeepDays) -> None:
    """Set how long the room's text is kept. The trail alone tells of it."""
    days = None if action.days is None else bounds.number("keep_days", action.days, 0, KEEP_DAYS_MOST)
    if _changed(doing, keep_days=days):
        doing.note(action.deed, details={"keep_days": days})


def _changed(doing: Doing, **fields: Any) -> bool:
    """Store fields of the room, and tell whether that changed anything."""
    room = doing.here
    if all(getattr(room, name) == value for name, value in fields.items()):
        return False
    for name, value in fields.items():
        setattr(room, name, value)
    room.save(update_fields=list(fields))
    return True


PERFORMERS: dict[type[Action], Callable[[Doing, Any], Any]] = {
    CreateRoom: create_room,
    Rename: rename,
    SetTopic: set_topic,
    SetVisibility: set_visibility,
    OpenToGuests: open_to_guests,
    Archive: archive,
    SetReadOnly: set_read_only,
    SetSlowMode: set_slow_mode,
    SetKeepDays: set_keep_days,
}
