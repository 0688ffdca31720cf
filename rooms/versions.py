"""Access versions and the epoch: raised in the commit of what changes them, and told after it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import F

from rooms import hints, notify, signals
from rooms.models import ChatRoom, SiteState, new_epoch_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from django.db.models import Model


@contextmanager
def changing_access(room_keys: Collection[int]) -> Iterator[None]:
    """Change who may do what in rooms: under their locks, their versions raised in the same commit."""
    with transaction.atomic():
        slugs = frozenset(
            ChatRoom.objects.select_for_update(no_key=True)
            .filter(pk__in=room_keys)
            .order_by("pk")
            .values_list("slug", flat=True)
        )
        yield
        _raise(ChatRoom._base_manager.filter(pk__in=room_keys))
        transaction.on_commit(lambda: _say_access_changed(ChatRoom, slugs))


@contextmanager
def changing_accounts() -> Iterator[None]:
    """Change accounts or tokens: who is who is asked again on the whole site, by the same commit."""
    with transaction.atomic():
        yield
        state = SiteState.current()
        _raise(SiteState.objects.filter(pk=state.pk))
        transaction.on_commit(lambda: _say_access_changed(SiteState, None))


def accounts_changed() -> None:
    """Say that accounts or tokens changed, in the transaction that is open."""
    with changing_accounts():
        pass


def _raise(rows: Any) -> None:
    rows.update(access_version=F("access_version") + 1)


def new_epoch() -> str:
    """Give the database a new epoch, as after a restore, and return it: every cursor from before is void."""
    epoch = new_epoch_name()
    with transaction.atomic():
        state = SiteState.current()
        SiteState.objects.filter(pk=state.pk).update(epoch=epoch)
        # Who asks for rights again finds that the answer is of another epoch, and looks at its log anew.
        transaction.on_commit(lambda: _say_access_changed(SiteState, None))
    return epoch


def _say_access_changed(sender: type[Model], rooms: frozenset[str] | None) -> None:
    answers = signals.access_changed.send_robust(sender=sender, rooms=rooms)
    if not signals.others_are_told(answers):
        notify.tell(hints.of_access(rooms))
