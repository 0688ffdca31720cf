"""Files in the admin: those of messages, withheld ones among them, for whom may read what is withheld."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404
from django.views.decorators.http import require_safe

from rooms import fetching, filekeeping
from rooms.admin_redaction import may_read
from rooms.bounds import is_id
from rooms.models import Attachment

if TYPE_CHECKING:
    from collections.abc import Iterable

    from django.http import HttpRequest

    from rooms.models import Message

SHOWN = 1_000


def files_of(rows: Iterable[Message], *, withheld: bool) -> dict[int, list[Attachment]]:
    """Return the files of messages by their ids, in order, in one query where any of these may have some."""
    having = [row.pk for row in rows if row.files or (withheld and row.redacted)]
    found: dict[int, list[Attachment]] = {}
    if having:
        for file in Attachment.objects.filter(message__in=having).order_by("message", "position")[:SHOWN]:
            found.setdefault(file.message_id or 0, []).append(file)
    return found


@require_safe
def view(request: HttpRequest, object_id: str, key: str) -> FileResponse:
    """Send a file of a message to whoever may read it here, with the headers that it has everywhere.

    Raises:
        PermissionDenied: they may not.
        Http404: there is no such file, or its bytes are gone.
    """
    if not may_read(request):
        raise PermissionDenied
    files = Attachment.objects.filter(key=key, message__isnull=False)
    row = files.filter(message=int(object_id)).first() if is_id(object_id) else None
    found = fetching.found(row, preview="preview" in request.GET) if row is not None else None
    if row is None or found is None:
        raise Http404
    if row.withheld_by is not None and not request.user.has_perm("rooms.view_withheldtext"):
        raise PermissionDenied
    try:
        file: Any = filekeeping.storage().open(found.path)
    except OSError:
        raise Http404 from None
    answer = FileResponse(file, content_type=found.content_type)
    for name, value in found.headers.items():
        if name != "Accept-Ranges":
            answer[name] = value
    return answer
