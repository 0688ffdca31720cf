"""Static files: what is sent of them, in which form, and what is none."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any

import brotli
import pytest

from realtime.edition import Edition
from realtime.static import StaticFiles, find
from tests.support_edge import Edge, at_once


class Vanished(type(Path())):  # type: ignore[misc]  # (the platform's own)
    """A file that is gone when it is opened."""

    def open(self, *_args: Any, **_named: Any) -> Any:
        raise FileNotFoundError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "a.mjs").write_text("export {}")
    (tmp_path / "inside" / "big.bin").write_bytes(os.urandom(300_000))
    (tmp_path / "secret.txt").write_text("secret")
    return tmp_path / "inside"


def ask(folder: Path, path: str, method: str = "GET", **options: Any) -> Any:
    edge = Edge()
    packing = at_once(**{key: options.pop(key) for key in ("shorten", "packed_file_bytes") & options.keys()})

    def found(name: str) -> Path | None:
        return folder / name if (folder / name).exists() else None

    files = StaticFiles(packing, Edition(), options.pop("found", found))
    edge.site.resource._parts = [(b"/static/", files)]
    return edge.ask(method, f"/static/{path}", **options)


def test_a_file_with_its_type_and_tag(folder: Path) -> None:
    response = ask(folder, "a.mjs")

    assert (response.status, response.body) == (200, b"export{}")
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["etag"].startswith('"')


def test_a_large_one_is_whole(folder: Path) -> None:
    assert ask(folder, "big.bin").body == (folder / "big.bin").read_bytes()


def test_one_that_is_known_is_304(folder: Path) -> None:
    tag = ask(folder, "a.mjs").headers["etag"]
    for known in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        response = ask(folder, "a.mjs", If_None_Match=known)
        assert (response.status, response.body) == (304, b""), known
    assert ask(folder, "a.mjs", If_None_Match='"other"').status == 200


def test_one_that_changed_is_not(folder: Path) -> None:
    tag = ask(folder, "a.mjs").headers["etag"]
    (folder / "a.mjs").write_text("export { }")

    assert ask(folder, "a.mjs", If_None_Match=tag).status == 200


def test_head(folder: Path) -> None:
    response = ask(folder, "a.mjs", "HEAD")

    assert (response.status, response.headers["content-length"], response.body) == (200, "8", b"")


def test_other_methods(folder: Path) -> None:
    response = ask(folder, "a.mjs", "POST")

    assert (response.status, response.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "path",
    [
        "../secret.txt", "%2e%2e/secret.txt", "..%2fsecret.txt", "a/../../secret.txt",
        "%2e%2e%5csecret.txt", "/etc/passwd", "%2fetc/passwd", "", ".", "a.mjs/",
        "a.mjs%00", "%ff", "nothing.js",
    ],
)  # fmt: skip
def test_there_is_no_way_out(folder: Path, path: str) -> None:
    assert ask(folder, path).status == 404


def test_a_folder_is_not_found(folder: Path) -> None:
    (folder / "sub").mkdir()

    assert ask(folder, "sub").status == 404


def test_the_finders_find_what_apps_have_the_admin_too() -> None:
    response = Edge().ask("GET", "/static/admin/css/base.css")

    assert (response.status, response.headers["content-type"]) == (200, "text/css; charset=utf-8")


def test_text_is_compressed_for_who_takes_it(folder: Path) -> None:
    (folder / "a.css").write_text("a { color: red }\n" * 100)
    plain = ask(folder, "a.css")
    packed = ask(folder, "a.css", Accept_Encoding="br;q=0.4, GZIP ;q=0.5")

    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body == (folder / "a.css").read_bytes()
    smallest = ask(folder, "a.css", Accept_Encoding="gzip, br")
    assert brotli.decompress(smallest.body) == plain.body
    assert int(packed.headers["content-length"]) == len(packed.body) < 100
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    assert plain.headers["etag"] != packed.headers["etag"]


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip", "gzip"), ("x-gzip", "gzip"), ("deflate, gzip, br", "br"), ("*", "br"), ("br", "br"),
        ("gzip;q=0.001", "gzip"), ("gzip ; q=0.5, identity;q=0.4", "gzip"), ("", None), ("deflate", None),
        ("gzip;q=0", None), ("gzip;q=0.0, *", "br"), ("*, br;q=0", "gzip"), ("*;q=0", None),
        ("gzipped", None), ("identity, gzip;q=0.5", None), ("gzip;q=much", None), ("gzip;q=nan", None),
        ("gzip;q=7", None), ("br;q=7, gzip", "gzip"), ("br;q=nan, gzip", "gzip"),
    ],
)  # fmt: skip
def test_what_a_client_takes_best_is_sent(folder: Path, accepted: str, coding: str | None) -> None:
    response = ask(folder, "a.mjs", Accept_Encoding=accepted)

    assert response.headers.get("content-encoding") == coding


def test_each_form_of_a_file_has_a_tag_of_its_own(folder: Path) -> None:
    packed = ask(folder, "a.mjs", Accept_Encoding="gzip")
    tag = packed.headers["etag"]
    assert ask(folder, "a.mjs", Accept_Encoding="br").headers["etag"] != tag
    again = ask(folder, "a.mjs", Accept_Encoding="gzip", If_None_Match=tag)

    assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    assert again.headers["vary"] == "Accept-Encoding"
    assert ask(folder, "a.mjs", If_None_Match=tag).status == 200
    head = ask(folder, "a.mjs", "HEAD", Accept_Encoding="gzip")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == packed.headers["content-length"]


def test_scripts_lose_what_only_people_read(folder: Path) -> None:
    (folder / "a.js").write_text("// why\nexport const a = 1;\n\n/** What. */\nexport const b = 2;\n")
    (folder / "b.min.js").write_text("// kept\n")
    (folder / "vendor").mkdir()
    (folder / "vendor" / "c.js").write_text("// whose\n")

    assert ask(folder, "a.js").body == b"export const a=1;export const b=2;"
    assert ask(folder, "a.js", shorten=False).body == (folder / "a.js").read_bytes()
    assert ask(folder, "b.min.js").body == b"// kept\n"
    assert ask(folder, "vendor/c.js").body == b"// whose\n"


def test_what_is_text_no_more_passes_unchanged(folder: Path) -> None:
    (folder / "odd.js").write_bytes(b'const a = "\xff\xfe";\n')

    assert ask(folder, "odd.js").body == b'const a="\xff\xfe";'


def test_a_text_that_is_too_large_goes_as_it_is(folder: Path) -> None:
    (folder / "large.css").write_bytes(b"a" * 1_001)
    response = ask(folder, "large.css", Accept_Encoding="gzip", packed_file_bytes=1_000)

    assert (len(response.body), response.headers.get("content-encoding")) == (1_001, None)


def test_a_text_that_cannot_be_read_is_not_found(folder: Path) -> None:
    response = ask(folder, "gone.css", found=lambda _name: Vanished(folder / "a.mjs"))

    assert (response.status, response.code) == (404, "not_found")


def test_the_finders_find_nothing_outside() -> None:
    for path in ("../settings.py", "/etc/passwd", "admin/../../../../settings.py"):
        assert find(path) is None
