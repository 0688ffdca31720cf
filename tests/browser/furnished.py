"""Furnishes a site with one of everything that a page may show: `python -m tests.browser.furnished`.

It prints, as JSON, the addresses of all pages by who looks at them. The room `talk` has a real conversation
(as `tests.system.test_replay` finds one), with replies, reactions, edits, redactions and notices in it.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import django

if TYPE_CHECKING:
    from rooms.models import ChatRoom

LINES = 150
WORD = "harmonica"
MARKED_UP = f"""Our *{WORD}* of **each** kind, @ana

> quoted `code` and ~~struck~~ text

1. a [link](https://example.org/)
2. https://example.org/{"a-very-long-address/" * 12}

```python
print("{"a long line " * 20}")
```
"""


def furnish() -> dict[str, list[str]]:
    """Make it all and return the addresses."""
    from django.contrib.auth.models import Permission, User

    from rooms import actions
    from rooms.acting import perform
    from rooms.models import ChatRoom

    ana, ben, mod = (User.objects.get(username=name) for name in ("ana", "ben", "mod"))
    mod.user_permissions.set(Permission.objects.filter(content_type__app_label__in=("rooms", "auth")))
    perform(ana.pk, actions.CreateRoom("What is talked of here all month", "talk", "Everything, and more"))
    perform(ben.pk, actions.Join("talk"))
    room = ChatRoom.objects.get(slug="talk")
    said = _talk(room, [ana, ben, mod])
    perform(ana.pk, actions.CreateRoom("Nobody said anything yet", "empty", private=True))
    perform(ana.pk, actions.CreateRoom("Long ago", "past"))
    perform(ana.pk, actions.Archive("past"))
    direct = perform(ana.pk, actions.OpenDirect(ben.pk)).room
    link = perform(ana.pk, actions.Invite("talk", uses=9)).token
    for reporter in (ana, mod):
        perform(reporter.pk, actions.ReportMessage("talk", said, "It is not what we agreed on."))
    loud, rude, gone = (User.objects.create_user(name) for name in ("loud", "rude", "gone"))
    perform(ana.pk, actions.MutePerson("talk", loud.pk, 60, "much too loud"))
    perform(ana.pk, actions.BanPerson("talk", rude.pk, reason="enough"))
    perform(mod.pk, actions.Suspend(gone.pk, 60, "for a while"))
    return {
        "": ["/accounts/login/", "/accounts/signup/", "/rooms/open/", f"/invite/{link}/account/", "/nowhere"],
        "ben": ["/", "/rooms/talk/", "/rooms/talk/people/", "/rooms/talk/settings/", f"/invite/{link}/"],
        "ana": [
            "/", "/rooms/new/", "/rooms/talk/people/", "/rooms/talk/invitations/", "/rooms/talk/settings/",
            "/direct/", f"/rooms/{direct}/", "/search/", f"/search/?q={WORD}", "/search/?q=qqqq", "/reports/",
            "/accounts/tokens/", "/accounts/password/", "/accounts/password/done/", "/rooms/empty/",
            "/rooms/past/", "/invite/nowhere/", "/first-admin/nowhere/", "/rooms/nowhere/",
        ],
        "mod": [
            "/rooms/talk/", "/rooms/talk/people/", "/admin/", "/admin/rooms/chatroom/",
            f"/admin/rooms/chatroom/{room.pk}/change/", f"/admin/rooms/chatroom/{room.pk}/conversation/",
            f"/admin/rooms/chatroom/{room.pk}/people/", "/admin/rooms/message/", "/admin/rooms/message/?q=a",
            f"/admin/rooms/message/{said}/change/", "/admin/rooms/report/", "/admin/rooms/suspension/",
            "/admin/rooms/suspension/add/", "/admin/rooms/auditentry/",
        ],
    }  # fmt: skip


def _talk(room: ChatRoom, people: list[Any]) -> int:
    """Have the conversation and return the id of its last message, in which somebody is wrong."""
    from django.contrib.auth.models import User

    from rooms import log
    from rooms.models import Message
    from tests.system.test_replay import lines_of, log_file

    lines = lines_of(log_file())[-LINES:]
    by_nick = {
        nick: User.objects.create_user(f"{nick}-there") for nick in sorted({one.nick for one in lines})
    }
    ids: list[int] = []
    for number, line in enumerate(lines):
        answered = ids[-3] if number % 7 == 5 else None
        ids.append(log.post(room, by_nick[line.nick], line.text, reply_to=answered).id)
    log.post(room, people[1], "https://example.org/alone")
    marked = log.post(room, people[0], MARKED_UP).id
    wrong, gone, last = (
        log.post(room, people[1], text).id for text in ("teh end", "a slip", "It is not so.")
    )
    row = Message.objects.get
    log.edit(row(pk=wrong), people[1], "the end")
    log.redact(row(pk=gone), people[1], "a slip of the pen")
    for person in people:
        log.react(row(pk=marked), person, "🎉")
    log.react(row(pk=marked), people[0], "superb")
    return last


if __name__ == "__main__":
    django.setup()
    sys.stdout.write(json.dumps(furnish()))
