"""The resource tree: which part of the site answers which path."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.web import resource

from realtime.channel import ChatSite
from realtime.limits import UploadLimits
from realtime.pages import Pages
from realtime.seats import Seats
from realtime.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from twisted.internet.interfaces import IReactorTime
    from twisted.python.threadpool import ThreadPool
    from twisted.web.resource import IResource

    from realtime.config import Config
    from realtime.limits import HttpLimits
    from realtime.transports.doorkeeper import Doorkeeper

MEGABYTE = 1_048_576


class Root(resource.Resource):
    """Gives paths that begin as told to the realtime parts, and all others to Django."""

    def __init__(self, parts: Sequence[tuple[bytes, IResource]], pages: IResource) -> None:
        """Take `parts` as (prefix, resource): one ending in a slash is a folder, another a whole path."""
        super().__init__()
        self._parts = list(parts)
        self._pages = pages

    def getChildWithDefault(self, path: bytes, request: Any) -> Any:
        """Return the resource for a request's whole path."""
        for prefix, part in self._parts:
            if request.path == prefix or (prefix.endswith(b"/") and request.path.startswith(prefix)):
                return part
        # WSGI wants the whole path for itself.
        request.postpath.insert(0, request.prepath.pop())
        return self._pages


def django_pages(reactor: Any, pool: ThreadPool, application: Callable[..., Any]) -> IResource:
    """Return Django as a resource, its views in the pool's threads."""
    pages: IResource = Pages(reactor, pool, application)
    return pages


def site(
    root: IResource, door: Doorkeeper, *, clock: IReactorTime, config: Config, limits: HttpLimits
) -> ChatSite:
    """Return the factory of HTTP connections."""
    return ChatSite(
        root,
        reactor=clock,
        limits=limits,
        page_bytes=config.page_request_bytes,
        seats=Seats(config.connections, config.connections_per_address),
        uploads=Uploads(
            UploadLimits(),
            config.upload_max_mb * MEGABYTE if config.uploads else 0,
            by_address=bool(config.connections_per_address),
            known=door.known,
        ),
    )
