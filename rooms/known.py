"""What the log holds that drafts speak of, read in a few statements once their rooms are locked."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Max, Q

from rooms import accounts, mentions, permissions, statements
from rooms.messages import REACTIONS, Access, Author, Draft, Kind, UserId
from rooms.models import Attachment, Message

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from rooms.models import ChatRoom
    from rooms.remembered import Remembered

TRUSTED = Access(see=True, post=True, moderate=True)

NonceKey = tuple[int, UserId | None, str]
ReactionKey = tuple[int, UserId | None, str]
"""The target, who reacts, and with what."""


@dataclass(slots=True)
class Row:
    """A row on its way into the log, what it changes, and whether it was there before."""

    message: Message
    fresh: bool = True
    target: Message | None = None
    room: str = ""
    """The slug of the room that a fresh one goes into."""


@dataclass(slots=True)
class Known:
    """What is known of the log, of people and of rights; what the drafts of this batch did is added.

    A row is one object however it was found, so that one found by its nonce has what drafts of this batch
    did to it as a target: else a repeated send would be answered with a text withheld in the same commit.
    """

    rooms: Mapping[str, ChatRoom]
    now: datetime
    rows: dict[int, Message] = field(default_factory=dict)
    nonces: dict[NonceKey, Row] = field(default_factory=dict)
    messages: dict[tuple[int, int], Message] = field(default_factory=dict)
    edits: dict[int, list[Message]] = field(default_factory=dict)
    redactions: dict[int, Row] = field(default_factory=dict)
    reactions: dict[ReactionKey, Row] = field(default_factory=dict)
    """The newest reaction, or its end."""
    standings: dict[tuple[int, UserId | None], permissions.Standing] = field(default_factory=dict)
    rights: dict[tuple[str, UserId | None], Access] = field(default_factory=dict)
    """What authors may do in rooms, by slug, once it was asked."""
    users: dict[UserId, Any] = field(default_factory=dict)
    named: dict[str, Any] = field(default_factory=dict)
    """Whom the texts may name, by user name."""
    files: dict[str, Attachment] = field(default_factory=dict)
    """The uploads that drafts name, by their keys."""
    taken: dict[str, tuple[Message, int]] = field(default_factory=dict)
    """Those that went into a message of this batch, and their place in it."""
    spoke_at: dict[tuple[int, UserId | None], datetime] = field(default_factory=dict)
    """When somebody last sent a message into a room in slow mode, where that is not long ago."""

    def room(self, draft: Draft) -> ChatRoom:
        """Return the room that a draft goes into."""
        return self.rooms[draft.room]

    def target(self, draft: Draft) -> Message | None:
        """Return the row that a draft is about, None where its room has none such."""
        return self.messages.get((self.room(draft).id, draft.target)) if draft.target else None

    def access(self, draft: Draft) -> Access:
        """Return what the author of a draft may do in its room."""
        if draft.trusted:
            return TRUSTED
        who = (draft.room, draft.author_id)
        may = self.rights.get(who)
        if may is None:
            room = self.room(draft)
            may = permissions.access(room, self.standings[room.id, draft.author_id])
            self.rights[who] = may
        return may

    def mentioned(self, draft: Draft) -> list[Author]:
        """Return those whom a draft's text names and who may see its room."""
        if not self.named or draft.kind not in mentions.KINDS:
            return []
        room = self.room(draft)

        def may_see(user: Any) -> bool:
            standing = self.standings[room.id, accounts.wire_id(user.pk)]
            return standing.known and permissions.access(room, standing).see

        return mentions.found(draft.body, self.named, may_see)


def look_up(
    rooms: Mapping[str, ChatRoom],
    drafts: Sequence[Draft],
    now: datetime,
    memory: Remembered | None = None,
) -> Known:
    """Return what is to be known for these drafts, whose rooms are locked."""
    known = Known(rooms, now)
    if drafts:
        _read_people(known, drafts, memory)
        _read_nonces(known, drafts)
        _read_named(known, drafts)
        _read_amended(known, drafts)
        _read_reactions(known, drafts)
        _read_last_spoken(known, drafts)
        _read_files(known, drafts)
    return known


def _rows(known: Known, sought: Q) -> Iterator[Message]:
    """Yield the rows of the log that match, ascending."""
    for message in Message.objects.filter(sought).select_related("author").order_by("id"):
        yield known.rows.setdefault(message.id, message)


def _author_of(message: Message) -> UserId | None:
    return accounts.wire_id(message.author_id) if message.author_id is not None else None


def _by(author: UserId | None) -> Q:
    return Q(author__isnull=True) if author is None else Q(author=author)


def _read_people(known: Known, drafts: Sequence[Draft], memory: Remembered | None) -> None:
    """Read who the authors are, and those whom they name, and their standings, unless that is remembered."""
    authors = {(draft.room, draft.author_id) for draft in drafts}
    unknown = {who for who in authors if not _is_recalled(known, *who, memory)}
    read = accounts.users_by_id(author for _slug, author in unknown)
    speaking = [draft for draft in drafts if draft.kind in mentions.KINDS]
    known.named = mentions.people(draft.body for draft in speaking)
    everybody = dict(read)
    pairs = {(known.rooms[slug].id, author) for slug, author in unknown}
    for draft in speaking if known.named else ():
        for user in mentions.named_by(draft.body, known.named):
            key = accounts.wire_id(user.pk)
            everybody[key] = user
            pairs.add((known.room(draft).id, key))
    known.users |= read
    known.standings |= permissions.standings(pairs, everybody)
    if memory is not None:
        for slug, author in unknown:
            if author is not None and author in read:
                room = known.rooms[slug]
                memory.remember(room, author, read[author], known.standings[room.id, author])


def _is_recalled(known: Known, slug: str, author: UserId | None, memory: Remembered | None) -> bool:
    """Tell whether an author's standing in a room is remembered; it is known from now on."""
    room = known.rooms[slug]
    found = memory.recall(room, author) if memory is not None and author is not None else None
    if found is None or author is None:
        return False
    known.users[author], known.standings[room.id, author] = found
    return True


def _read_nonces(known: Known, drafts: Iterable[Draft]) -> None:
    """Read the rows that drafts repeat; of rooms that may not be seen none, since nothing is told of them."""
    of_people: list[tuple[int, Any, str]] = []
    of_server: list[tuple[int, str]] = []
    for draft in drafts:
        if not known.access(draft).see:
            continue
        room = known.room(draft).id
        if draft.author_id is None:
            of_server.append((room, draft.nonce))
        elif draft.author_id in known.users:
            of_people.append((room, known.users[draft.author_id].pk, draft.nonce))
    found = statements.repeated(of_people, of_server)
    for message in _rows(known, Q(pk__in=found)) if found else ():
        known.nonces[message.room_id, _author_of(message), message.nonce] = Row(message, fresh=False)


def _read_named(known: Known, drafts: Iterable[Draft]) -> None:
    named = {key for draft in drafts for key in (draft.target, draft.reply_to) if key is not None}
    if named:
        for message in _rows(known, Q(pk__in=named)):
            known.messages[message.room_id, message.id] = message


def _read_amended(known: Known, drafts: Iterable[Draft]) -> None:
    """Read the edits and redactions of what is to be edited or redacted: not of what is reacted to."""
    amending = {Kind.EDIT, Kind.REDACTION}
    targets = {draft.target for draft in drafts if draft.kind in amending}
    if not targets:
        return
    for message in _rows(known, Q(target__in=targets, kind__in=[kind.value for kind in amending])):
        if message.kind == Kind.EDIT:
            known.edits.setdefault(message.target or 0, []).append(message)
        else:
            known.redactions.setdefault(message.target or 0, Row(message, fresh=False))


def _read_reactions(known: Known, drafts: Iterable[Draft]) -> None:
    """Read the newest row of each that the drafts would repeat or take back: a popular message has many."""
    wanted = {(draft.target or 0, draft.author_id, draft.body) for draft in drafts if draft.kind in REACTIONS}
    if not wanted:
        return
    sought = Q()
    for target, author, body in wanted:
        sought |= Q(_by(author), target=target, body=body)
    newest = (
        Message.objects.filter(sought, kind__in=[kind.value for kind in REACTIONS])
        .order_by()
        .values("target", "author", "body")
        .annotate(newest=Max("id"))
    )
    for message in _rows(known, Q(pk__in=newest.values("newest"))):
        key = (message.target or 0, _author_of(message), message.body)
        known.reactions[key] = Row(message, fresh=False)


def _read_last_spoken(known: Known, drafts: Iterable[Draft]) -> None:
    """Read when members last spoke in rooms of slow mode; where there is none, nothing is read.

    What is older than the longest wait is of no interest, so of each author only the ids since then are
    looked through. Their rooms are not asked for: SQLite would look through all that they ever said there.
    """
    slowed = [draft for draft in drafts if is_slowed(known, draft)]
    if not slowed:
        return
    since = known.now - timedelta(seconds=max(known.room(draft).slow_mode_s for draft in slowed))
    recent = Message.objects.filter(created_at__gt=since).order_by("created_at", "id")
    spoken = (
        Message.objects.filter(
            author__in={draft.author_id for draft in slowed},
            kind=Kind.MESSAGE.value,
            id__gte=recent.values("pk")[:1],
        )
        .order_by()
        .values_list("room_id", "author_id")
        .annotate(last=Max("created_at"))
    )
    for room, author, last in spoken:
        known.spoke_at[room, accounts.wire_id(author)] = last


def _read_files(known: Known, drafts: Iterable[Draft]) -> None:
    """Read the uploads that drafts name; where none does, nothing. Not for who may not see the room."""
    named = {key for draft in drafts if draft.files and known.access(draft).see for key in draft.files}
    if named:
        known.files = {row.key: row for row in Attachment.objects.filter(key__in=named)}


def is_slowed(known: Known, draft: Draft) -> bool:
    """Tell whether slow mode is for this draft: a member's message, where it is on."""
    if not known.room(draft).slow_mode_s or draft.kind is not Kind.MESSAGE:
        return False
    may = known.access(draft)
    return may.see and not may.moderate
