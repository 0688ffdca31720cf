"""What a request asks for: the two forms of a request-target that a path can have (RFC 9112, 3.2)."""

from __future__ import annotations

import re

_ABSOLUTE = re.compile(rb"https?://([^/?#@]+)(/[^?]*)?(\?.*)?", re.IGNORECASE)


def in_origin_form(target: bytes) -> tuple[bytes, bytes | None]:
    """Return path and query of a target, and which host it names: None where it names none.

    What is in neither the origin form nor the absolute form comes back as it is.
    """
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        return target, None
    host, path, query = absolute.groups()
    return (path or b"/") + (query or b""), host
