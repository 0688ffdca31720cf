"""One action on its way: who does it, by what right, in which locked room, and what is told of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rooms import accounts, audit, history, log, permissions
from rooms.messages import Author, Code, Draft, Event, Kind, Notice, Refused, UserId, new_nonce
from rooms.models import ChatRoom

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from django.contrib.auth.models import AbstractBaseUser

    from rooms.actions import Deed

NOT_KNOWN = Refused(Code.NOT_AUTHENTICATED, "Only somebody with an account may do this: log in.")
NOT_ALLOWED = Refused(Code.FORBIDDEN, "You may not do this here.")
NOT_BELOW = Refused(Code.FORBIDDEN, "Only somebody of a higher rank may do this to them.")
NOT_IN_DIRECT = Refused(Code.FORBIDDEN, "This is not done in a room of two people.")
NO_PERSON = Refused(Code.NOT_FOUND, "There is no such person.")


@dataclass(frozen=True, slots=True)
class Afterwards:
    """What a performer leaves for after the commit: long work, in transactions of its own."""

    work: Callable[[], Any]


@dataclass(slots=True)
class Doing:
    """One action on its way: who does it (None: the server), by what right, and what is told of it."""

    user: AbstractBaseUser | None
    trusted: bool
    standing: permissions.Standing
    room: ChatRoom | None = None
    _notices: list[tuple[ChatRoom, Notice]] = field(default_factory=list)

    @property
    def here(self) -> ChatRoom:
        """The room that the action names, locked."""
        if self.room is None:
            raise TypeError("This action names no room.")
        return self.room

    @property
    def tells(self) -> bool:
        """Whether rooms are told of it."""
        return bool(self._notices)

    @property
    def key(self) -> UserId | None:
        """Who does it, as the wire names them."""
        return accounts.wire_id(self.user.pk) if self.user is not None else None

    def somebody(self) -> Any:
        """Return who does it, where only somebody with an account can: the server belongs to no room.

        Raises:
            rooms.log.Refusal: nobody does.
        """
        if self.user is None:
            raise log.Refusal(NOT_KNOWN)
        return self.user

    def person(self, key: UserId) -> Any:
        """Return the account that somebody is named by, whether or not it may be used just now.

        Raises:
            rooms.log.Refusal: there is none.
        """
        user = accounts.find(key)
        if user is None:
            raise log.Refusal(NO_PERSON)
        return user

    def below(self, key: UserId) -> Any:
        """Return somebody whom the doer may overrule here: of a rank below their own, or the doer.

        Without a room, the ranks are those of the site. Trusted code overrules everybody.

        Raises:
            rooms.log.Refusal: there is no such person, or they are not below.
        """
        user = self.person(key)
        if not self.trusted and not self.is_own(user) and not self.outranks(user):
            raise log.Refusal(NOT_BELOW)
        return user

    def is_own(self, user: AbstractBaseUser) -> bool:
        """Tell whether an account is the doer's."""
        return self.user is not None and self.user.pk == user.pk

    def outranks(self, user: AbstractBaseUser) -> bool:
        """Tell whether the doer's rank here is above that of an account."""
        own = permissions.rank(self.standing.role, staff=self.standing.staff)
        return own > permissions.rank_in(self.room, user)

    def tell(
        self,
        event: Event,
        about: AbstractBaseUser | None = None,
        value: str | int | bool | None = None,  # noqa: FBT001  (what is told may be a flag)
        *,
        until: datetime | None = None,
        room: ChatRoom | None = None,
    ) -> None:
        """Have a notice appended to the room's log, once the performer is done."""
        person = Author(accounts.wire_id(about.pk), accounts.display_name(about)) if about else None
        self._notices.append((room or self.here, Notice(event, person, value, until)))

    def note(self, deed: Deed, person: AbstractBaseUser | None = None, **about: Any) -> None:
        """Write an entry of the trail, as `rooms.audit.note`."""
        audit.note(deed, self.user, room=about.pop("room", self.room), person=person, **about)

    def say(self) -> None:
        """Append the notices. What is said carries the access versions that the performer has raised.

        Raises:
            rooms.log.Refusal: the log takes none: nothing is done that nobody is told of.
        """
        by_room: dict[str, list[Draft]] = {}
        for room, notice in self._notices:
            draft = Draft(room.slug, Kind.NOTICE, self.key, new_nonce(), trusted=True, notice=notice)
            by_room.setdefault(room.slug, []).append(draft)
        for drafts in by_room.values():
            for outcome in log.append(drafts).outcomes:
                if isinstance(outcome, Refused):
                    raise log.Refusal(outcome)


def begin(deed: Deed, by: UserId | None, slug: str | None, *, trusted: bool, lock: bool = True) -> Doing:
    """Lock the room, if one is named, and judge. A room that one may not see costs the same queries as none.

    Raises:
        rooms.log.Refusal: they may not, or there is no such room for them.
    """
    room = _room(slug, lock=lock) if slug is not None else None
    key = room.pk if room is not None else 0
    users = accounts.users_by_id([by])
    standing = permissions.standings([(key, by)], users)[key, by]
    if slug is not None and room is None:
        raise log.Refusal(history.NO_ROOM)
    refused = None if trusted else _refused(deed, room, standing)
    if refused is None and room is not None and permissions.is_out_of_place(deed, room):
        refused = NOT_IN_DIRECT
    if refused is not None:
        raise log.Refusal(refused)
    return Doing(users.get(by) if by is not None else None, trusted, standing, room)


def _room(slug: str, *, lock: bool) -> ChatRoom | None:
    rooms = ChatRoom.objects.select_for_update(no_key=True) if lock else ChatRoom.objects.all()
    return rooms.filter(slug=slug).first()


def _refused(deed: Deed, room: ChatRoom | None, standing: permissions.Standing) -> Refused | None:
    """Return why somebody of this standing may not do this, in a room or on the site."""
    if room is None:
        allowed = permissions.may_on_site(deed, standing)
    else:
        access = permissions.access(room, standing)
        if not access.see:
            return history.WHY_UNSEEN[access.refusal or Code.NOT_FOUND]
        allowed = permissions.may(deed, room, standing)
    if allowed:
        return None
    return NOT_ALLOWED if standing.known else NOT_KNOWN
