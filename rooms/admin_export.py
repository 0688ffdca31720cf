"""What is filtered in the admin's list of messages, as JSON Lines: read page by page while it is sent."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Any

from django.contrib.admin.options import IncorrectLookupParameters
from django.http import HttpResponseRedirect, StreamingHttpResponse
from django.urls import reverse

from rooms import history, wireform
from rooms.admin_keyset import NEWER

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.contrib.admin import ModelAdmin
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

    from rooms.models import Message

AT_A_TIME = 500


def response(model_admin: ModelAdmin[Message], request: HttpRequest) -> HttpResponseBase:
    """Return a download of the rows that the list would show over all its pages, the oldest first.

    They read as readers see them: what is withheld is not in them, whoever asks. What is not taken any more
    is not read either: the server asks for a piece once the one before is on its way.
    """
    pages = _pages(model_admin, request)
    try:
        first = next(pages)
    except IncorrectLookupParameters:
        return HttpResponseRedirect(reverse("admin:rooms_message_changelist") + "?e=1")
    answer = StreamingHttpResponse(_written(first, pages), content_type="application/jsonl")
    answer["Content-Disposition"] = 'attachment; filename="messages.jsonl"'
    return answer


def _written(first: list[Message], pages: Iterator[list[Message]]) -> Iterator[str]:
    yield _lines(first)
    for page in pages:
        yield _lines(page)


def _lines(rows: list[Message]) -> str:
    return "".join(f"{wireform.line(history.posted(row, row.room.slug))}\n" for row in rows)


def _pages(model_admin: ModelAdmin[Message], request: HttpRequest) -> Iterator[list[Message]]:
    """Yield the pages of the list from its oldest end, each by a key: the list itself reads them.

    Raises:
        IncorrectLookupParameters: a filter is set to what it does not take.
    """
    longer: Any = copy(model_admin)
    longer.list_per_page = AT_A_TIME
    place: int | None = 0
    while place is not None:
        asked: Any = copy(request)
        asked.GET = request.GET.copy()
        asked.GET[NEWER] = str(place)
        page: Any = longer.get_changelist_instance(asked)
        rows = list(page.result_list)[::-1]
        yield rows
        place = rows[-1].pk if rows and page.newer_url else None
