"""What a file is, by its bytes; what it is called; which types a site takes, and which a browser may show.

What somebody says a file is decides nothing that could do harm: a browser is told a type of this list, which
the bytes bear out, or `application/octet-stream`. Nothing that runs scripts (HTML, SVG, PDF) is ever shown.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ANY = "application/octet-stream"
TEXT = "text/plain"
PREVIEW = "image/webp"
PICTURES = ("image/jpeg", "image/png", "image/gif", "image/webp")
MEDIA = (
    "video/mp4", "video/webm",
    "audio/mpeg", "audio/mp4", "audio/ogg", "audio/wav", "audio/flac", "audio/webm",
)  # fmt: skip
DOCUMENTS = ("application/pdf", "application/zip", TEXT)
TYPES = (*PICTURES, *MEDIA, *DOCUMENTS, ANY)
INLINE = frozenset({*PICTURES, *MEDIA})
"""What a browser may show by itself; all else it is told to save."""

MP4_VIDEO = frozenset(
    {b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"MSNV", b"dash"}
)
MP4_AUDIO = frozenset({b"M4A ", b"M4B "})
"""Major brands of the file type box (ISO/IEC 14496-12, 4.3)."""

BEGINNINGS = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf2", "audio/mpeg"),
    (b"fLaC", "audio/flac"),
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
)
HEAD_BYTES = 64
PIECE_BYTES = 65_536

NAME_LENGTH = 150
LONGEST_SUFFIX = 12
UNNAMED = "file"
PATTERN = re.compile(r"\*/\*|[a-z]+/(\*|[a-z0-9.+-]+)")


def type_of(file: BinaryIO, declared: str) -> str:
    """Return the type of a file that can be read from its beginning, one of `TYPES`."""
    said = declared.partition(";")[0].strip().lower()
    file.seek(0)
    head = file.read(HEAD_BYTES)
    found = next((kind for start, kind in BEGINNINGS if head.startswith(start)), None)
    found = found or _riff(head) or _contained(head, said)
    if found is None:
        found = TEXT if said == TEXT and _is_text(file) else ANY
    file.seek(0)
    return found


def _riff(head: bytes) -> str | None:
    if head[:4] != b"RIFF":
        return None
    return {b"WEBP": "image/webp", b"WAVE": "audio/wav"}.get(head[8:12])


def _contained(head: bytes, said: str) -> str | None:
    """Return the type of a container. Of what may hold either, who sends it knows whether it is sound."""
    if head[4:8] == b"ftyp":
        if head[8:12] in MP4_AUDIO or (head[8:12] in MP4_VIDEO and said == "audio/mp4"):
            return "audio/mp4"
        return "video/mp4" if head[8:12] in MP4_VIDEO else None
    if head.startswith(b"\x1aE\xdf\xa3") and b"webm" in head:
        return "audio/webm" if said == "audio/webm" else "video/webm"
    return "audio/ogg" if head.startswith(b"OggS") and b"theora" not in head else None


def _is_text(file: BinaryIO) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    file.seek(0)
    try:
        while piece := file.read(PIECE_BYTES):
            if "\x00" in decoder.decode(piece):
                return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


# Names


def name_of(said: str) -> str:
    """Return a file's name as it is kept: without a path, in one line, with nothing that reorders letters."""
    last = re.split(r"[/\\]", said)[-1]
    text = " ".join("".join(_visible(last)).split())
    if not text.strip(". "):
        return UNNAMED
    if len(text) <= NAME_LENGTH:
        return text
    stem, dot, suffix = text.rpartition(".")
    end = dot + suffix if stem and len(suffix) <= LONGEST_SUFFIX else ""
    return text[: NAME_LENGTH - len(end) - 1].rstrip() + "…" + end


def _visible(text: str) -> Iterator[str]:
    """Yield the characters of a name but controls, formats (bidi overrides) and what no database keeps."""
    for char in text:
        kind = unicodedata.category(char)
        if char.isspace():
            yield " "
        elif kind not in {"Cc", "Cf", "Cs"} or char in "\u200c\u200d":
            yield char


def disposition(name: str, kind: str) -> str:
    """Return the Content-Disposition of a file (RFC 6266), its name also in RFC 8187's form."""
    sort = "inline" if kind in INLINE else "attachment"
    plain = re.sub(r"[^ !#$&+.0-9A-Z^_`a-z{}~()\[\],;=@\'-]", "_", name)
    return f"{sort}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def content_type(kind: str) -> str:
    """Return the Content-Type that a file of a type of ours is served with."""
    return f"{TEXT}; charset=utf-8" if kind == TEXT else kind


# What a site takes


def is_taken(kind: str, patterns: Sequence[str]) -> bool:
    """Tell whether a type is one of those that a site takes: `*/*`, `image/*` or a type."""
    return any(one in {"*/*", kind, kind.partition("/")[0] + "/*"} for one in patterns)


def faults(patterns: object) -> Iterator[str]:
    """Yield what is wrong with a setting of types."""
    if not isinstance(patterns, list | tuple) or not patterns:
        yield "it is a list of types, such as image/* or application/pdf, or */* for all"
        return
    for one in patterns:
        if not isinstance(one, str) or not PATTERN.fullmatch(one):
            yield f"{one!r} is no type"
        elif not any(is_taken(kind, [one]) for kind in TYPES):
            yield f"no file is ever found to be {one}: there are {', '.join(TYPES)}"
