"""Who may do what: every role, deed, kind of room and door there is, from the enumerations themselves.

The table says what is right by itself, apart from the code that judges. A deed, role, kind or door that is
added and not told of here fails. Letters stand for roles; see `tests.support_cast.Role`. What is refused
changes nothing, and what is done changes something: a door that only says so fails too.
"""

from __future__ import annotations

import itertools
from typing import ClassVar

import pytest
from django.contrib.auth.models import Permission
from django.test import TestCase

from rooms.actions import Deed
from rooms.messages import Code
from tests.support_cast import Role, Sort, World, state, undone
from tests.support_doors import UNSEEN, ByApi, ByCode, BySocket, Door
from tests.support_page_doors import ByAdmin, ByPages

pytestmark = pytest.mark.databases

SEEING = dict.fromkeys(Sort, "amuMOS") | {Sort.OPEN: "gamuMOS", Sort.PRIVATE: "muMOS", Sort.DIRECT: "muS"}
KNOWN = dict.fromkeys(Sort, "amuMOS") | {Sort.PRIVATE: "muMOS", Sort.DIRECT: "muS"}
POSTING = dict.fromkeys(Sort, "amMOS") | {
    Sort.READ_ONLY: "MOS",
    Sort.ARCHIVED: "",
    Sort.PRIVATE: "mMOS",
    Sort.DIRECT: "mS",
}
MODERATING = dict.fromkeys(Sort, "MOS") | {Sort.DIRECT: "S"}
MANAGING = dict.fromkeys(Sort, "OS") | {Sort.DIRECT: "S"}
NEVER_IN_DIRECT = {Sort.DIRECT: ""}
STAFF_ALONE = dict.fromkeys(Sort, "S")
ANYBODY_KNOWN = dict.fromkeys(Sort, "amubMOS")

TABLE: dict[Deed, dict[Sort, str]] = {
    Deed.SEE: SEEING,
    Deed.POST: POSTING,
    Deed.REACT: POSTING,
    Deed.EDIT_OWN: POSTING,
    Deed.REDACT_OWN: KNOWN,
    Deed.REDACT: MODERATING,
    Deed.MARK_READ: KNOWN,
    Deed.MUTE_FOR_ONESELF: KNOWN,
    Deed.REPORT: KNOWN,
    Deed.JOIN: KNOWN | NEVER_IN_DIRECT | {Sort.PRIVATE: "muMO"},
    Deed.LEAVE: KNOWN | NEVER_IN_DIRECT,
    Deed.REDACT_ALL_OF: MODERATING,
    Deed.MUTE: MODERATING,
    Deed.UNMUTE: MODERATING,
    Deed.BAN: MODERATING | NEVER_IN_DIRECT,
    Deed.UNBAN: MODERATING | NEVER_IN_DIRECT,
    Deed.SET_SLOW_MODE: MODERATING | NEVER_IN_DIRECT,
    Deed.SET_TOPIC: MODERATING | NEVER_IN_DIRECT,
    Deed.SEE_REPORTS: MODERATING,
    Deed.SETTLE_REPORT: MODERATING,
    Deed.INVITE: MODERATING | NEVER_IN_DIRECT,
    Deed.REVOKE_INVITATION: MODERATING | NEVER_IN_DIRECT,
    Deed.REMOVE: MODERATING | NEVER_IN_DIRECT,
    Deed.RENAME: MANAGING | NEVER_IN_DIRECT,
    Deed.SET_READ_ONLY: MANAGING | NEVER_IN_DIRECT,
    Deed.ARCHIVE: MANAGING,
    Deed.SET_VISIBILITY: MANAGING | NEVER_IN_DIRECT,
    Deed.OPEN_TO_GUESTS: MANAGING | NEVER_IN_DIRECT | {Sort.PRIVATE: ""},
    Deed.SET_KEEP_DAYS: STAFF_ALONE,
    Deed.SET_ROLE: MANAGING | NEVER_IN_DIRECT,
    Deed.CREATE_ROOM: ANYBODY_KNOWN,
    Deed.OPEN_DIRECT: ANYBODY_KNOWN,
    Deed.ACCEPT_INVITATION: dict.fromkeys(Sort, "amuMOS"),
    Deed.SUSPEND: STAFF_ALONE,
    Deed.UNSUSPEND: STAFF_ALONE,
    Deed.PURGE: STAFF_ALONE,
}


def expected(deed: Deed, sort: Sort, role: Role) -> Code | None:
    """Return how somebody of a role is refused a deed in a kind of room, None where it is done."""
    if role.value in TABLE[deed][sort]:
        return None
    if deed in ON_THE_SITE or deed in BY_REPORT:
        return _refused_outside(deed, sort, role)
    if role.value not in SEEING[sort]:
        if sort in {Sort.PRIVATE, Sort.DIRECT}:
            return Code.NOT_FOUND
        return Code.FORBIDDEN if role is Role.BANNED else Code.NOT_AUTHENTICATED
    if deed is Deed.OPEN_TO_GUESTS and sort is Sort.PRIVATE and role.value in MANAGING[sort]:
        return Code.BAD_REQUEST
    return Code.NOT_AUTHENTICATED if role is Role.GUEST else Code.FORBIDDEN


def _refused_outside(deed: Deed, sort: Sort, role: Role) -> Code:
    """Return how somebody is refused what names no room, or names one by a report."""
    if role is Role.GUEST:
        return Code.NOT_AUTHENTICATED
    if deed is Deed.SEE_REPORTS:
        return UNSEEN
    hidden = sort in {Sort.PRIVATE, Sort.DIRECT} and role.value not in SEEING[sort]
    if hidden and deed in {Deed.SETTLE_REPORT, Deed.ACCEPT_INVITATION}:
        return Code.NOT_FOUND
    return Code.FORBIDDEN


ON_THE_SITE = frozenset(
    {Deed.CREATE_ROOM, Deed.OPEN_DIRECT, Deed.ACCEPT_INVITATION, Deed.SUSPEND, Deed.UNSUSPEND}
)
"""What names no room."""
BY_REPORT = frozenset({Deed.SEE_REPORTS, Deed.SETTLE_REPORT})
"""What names a room by a report at most."""


READING = frozenset({Deed.SEE, Deed.SEE_REPORTS})
DOORS: dict[str, type[Door]] = {
    "code": ByCode,
    "API": ByApi,
    "socket": BySocket,
    "pages": ByPages,
    "admin": ByAdmin,
}


def leaves_a_trace(deed: Deed, world: World, role: Role) -> bool:
    """Tell whether a deed that is done changes anything: to join where one belongs, say, does not."""
    if deed is Deed.JOIN:
        return not world.belongs(role)
    if deed is Deed.ACCEPT_INVITATION:
        return world.sort is Sort.DIRECT or not world.belongs(role)
    return deed not in READING and (deed is not Deed.LEAVE or world.belongs(role))


def test_nothing_is_missing() -> None:
    for deed, sort in itertools.product(Deed, Sort):
        assert set(TABLE[deed][sort]) <= {role.value for role in Role}, (deed, sort)
    assert set(TABLE) == set(Deed)


class WhoMayDoWhat(TestCase):
    """Every cell of the table, at every door."""

    worlds: ClassVar[dict[Sort, World]]

    @classmethod
    def setUpTestData(cls) -> None:
        cls.worlds = {sort: World(sort) for sort in Sort}

    def wrong(self, door: Door, deed: Deed) -> list[str]:
        """Return the cells of a deed that are not as the table says, at one door."""
        wrong, before = [], state()
        for sort, world in self.worlds.items():
            for role in world.roles():
                right = door.expects(expected(deed, sort, role), world, role, deed)
                with undone():
                    found = door.enter(world, role, deed)
                    changed = state() != before
                if (found, changed) != (right, right is None and leaves_a_trace(deed, world, role)):
                    wrong.append(f"{deed} {sort} {role.name}: {found} (changed: {changed}), not {right}")
        return wrong

    def at(self, name: str) -> None:
        door = DOORS[name]()
        self.addCleanup(door.close)
        world = self.worlds[Sort.PUBLIC]
        for one in self.worlds.values():
            door.prepare(one)
        for role in world.roles():
            ways = set(door.ways(world, role))
            self.assertEqual(ways & set(door.NOT_OFFERED), set())
            self.assertEqual(ways | set(door.NOT_OFFERED), set(Deed))
        wrong = [cell for deed in Deed if deed in ways for cell in self.wrong(door, deed)]
        self.assertEqual(wrong, [], "\n".join(wrong))

    def test_by_code(self) -> None:
        self.at("code")

    def test_by_api(self) -> None:
        self.at("API")

    def test_by_socket(self) -> None:
        self.at("socket")

    def test_by_pages(self) -> None:
        self.at("pages")

    def test_by_admin(self) -> None:
        self.at("admin")

    def test_in_the_admin_staff_without_permissions_do_nothing(self) -> None:
        self.clerks_may(frozenset())

    def test_in_the_admin_staff_who_may_look_do_nothing_else(self) -> None:
        looking = Permission.objects.filter(content_type__app_label="rooms", codename__startswith="view_")
        for world in self.worlds.values():
            world.clerk.user_permissions.set(looking)
        self.clerks_may(READING)

    def clerks_may(self, allowed: frozenset[Deed]) -> None:
        """Hold that staff who have not all permissions of the models do this and nothing else."""
        door = ByAdmin()
        before = state()  # which knows of no session
        for world in self.worlds.values():
            world.people[Role.STAFF] = world.clerk
            door.prepare(world)
            for deed in door.ways(world, Role.STAFF):
                right = None if deed in allowed else Code.FORBIDDEN
                with undone():
                    found = door.enter(world, Role.STAFF, deed)
                    self.assertEqual((found, state()), (right, before), (world.sort, deed))
