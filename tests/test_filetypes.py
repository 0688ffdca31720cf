"""What a file is by its bytes, and what it is called."""

from __future__ import annotations

import io

import pytest

from rooms import filetypes
from tests.support_files import picture

MP4 = b"\x00\x00\x00\x20ftyp%b\x00\x00\x02\x00"
WEBM = b"\x1aE\xdf\xa3\x9fB\x86\x81\x01B\xf7\x81\x01B\xf2\x81\x04B\xf3\x81\x08B\x82\x84webm"


@pytest.mark.parametrize(
    ("data", "declared", "found"),
    [
        *((picture(kind), "", kind) for kind in filetypes.PICTURES),
        (picture("image/jpeg"), "text/html", "image/jpeg"),
        (MP4 % b"isom", "video/mp4", "video/mp4"),
        (MP4 % b"isom", "audio/mp4", "audio/mp4"),
        (MP4 % b"M4A ", "video/mp4", "audio/mp4"),
        (MP4 % b"qt  ", "video/quicktime", "application/octet-stream"),
        (MP4 % b"heic", "image/heic", "application/octet-stream"),
        (WEBM, "video/webm", "video/webm"),
        (WEBM, "audio/webm;codecs=opus", "audio/webm"),
        (WEBM.replace(b"webm", b"mkv!"), "video/webm", "application/octet-stream"),
        (b"OggS\0\x02opus", "", "audio/ogg"),
        (b"OggS\0\x02\x80theora", "video/ogg", "application/octet-stream"),
        (b"ID3\x04", "", "audio/mpeg"),
        (b"RIFF\x24\0\0\0WAVEfmt ", "", "audio/wav"),
        (b"fLaC\0", "", "audio/flac"),
        (b"%PDF-1.7", "", "application/pdf"),
        (b"PK\x03\x04", "", "application/zip"),
        ("ä\n".encode() * 50_000, "Text/Plain; charset=utf-8", "text/plain"),
        (b"\xe4\n", "text/plain", "application/octet-stream"),
        (b"cut \xc3", "text/plain", "application/octet-stream"),
        (b"a\x00b", "text/plain", "application/octet-stream"),
        (b"<script>", "text/html", "application/octet-stream"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml", "application/octet-stream"),
        (b"GIF8", "image/gif", "application/octet-stream"),
        (b"", "image/png", "application/octet-stream"),
    ],
)
def test_a_type_is_what_the_bytes_bear_out(data: bytes, declared: str, found: str) -> None:
    file = io.BytesIO(data)
    assert filetypes.type_of(file, declared) == found
    assert found in filetypes.TYPES
    assert file.tell() == 0


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("photo.jpg", "photo.jpg"),
        ("/etc/passwd", "passwd"),
        ("..\\..\\evil.exe", "evil.exe"),
        ("", "file"),
        ("..", "file"),
        ("a/", "file"),
        ("  two \t\n words.txt ", "two words.txt"),
        ("gpj\u202e.exe", "gpj.exe"),
        ("nul\x00l\x1b.txt", "null.txt"),
        ("half\ud800.txt", "half.txt"),
        ("نامه‌ای.txt", "نامه‌ای.txt"),
        ("👩‍🚀.png", "👩‍🚀.png"),
        ("x" * 200 + ".jpeg", "x" * 144 + "….jpeg"),
        ("x" * 200, "x" * 149 + "…"),
        ("x" * 150, "x" * 150),
    ],
)
def test_a_name_is_one_line_without_a_path(said: str, kept: str) -> None:
    assert filetypes.name_of(said) == kept
    assert len(kept) <= filetypes.NAME_LENGTH


@pytest.mark.parametrize("kind", filetypes.TYPES)
def test_only_pictures_and_media_are_shown(kind: str) -> None:
    sort = filetypes.disposition("x", kind).partition(";")[0]
    assert sort == ("inline" if kind.partition("/")[0] in {"image", "audio", "video"} else "attachment")


def test_a_name_cannot_leave_its_header() -> None:
    told = filetypes.disposition('a"\r\n;b%41\\ü.png', "image/png")
    assert told == "inline; filename=\"a___;b_41__.png\"; filename*=UTF-8''a%22%0D%0A%3Bb%2541%5C%C3%BC.png"


@pytest.mark.parametrize(
    ("patterns", "fault"),
    [
        (["*/*"], ""),
        (["image/*", "application/pdf"], ""),
        ([], "a list of types"),
        ("image/*", "a list of types"),
        (["image"], "is no type"),
        (["image/svg+xml"], "is ever found"),
        (["model/*"], "is ever found"),
    ],
)
def test_a_setting_of_types_is_checked(patterns: object, fault: str) -> None:
    found = " ".join(filetypes.faults(patterns))
    assert fault in found
    assert bool(found) == bool(fault)
