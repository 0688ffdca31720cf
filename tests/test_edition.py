"""Addresses of static files that change with them, and who may keep what they stand for."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.staticfiles.storage import staticfiles_storage
from django.templatetags.static import static
from django.test import override_settings

from realtime.edition import FOLDER, Edition, current, published, split
from realtime.packing import stamp
from realtime.static import StaticFiles, find
from rooms.scripts import begins_with, preloads
from tests.support_edge import Edge, at_once

SCRIPT = "rooms/js/store.js"
PAGE = "rooms/js/room.js"


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    yield
    storage: Any = staticfiles_storage
    storage.folder, storage.pages = "", {}


def ask(edition: Edition, path: str, **headers: Any) -> Any:
    edge = Edge()
    edge.site.resource._parts = [(b"/static/", StaticFiles(at_once(), edition))]
    return edge.ask("GET", path, **headers)


def test_pages_name_files_by_their_edition_and_those_are_kept_for_good() -> None:
    assert static(SCRIPT) == f"/static/{SCRIPT}"
    edition = published(shortened=True, changing=False)
    address = static(SCRIPT)
    assert address == f"/static/{edition.folder}{SCRIPT}"
    response = ask(edition, address)
    assert (response.status, response.headers["cache-control"]) == (
        200,
        "public, max-age=31536000, immutable",
    )
    assert ask(edition, address.replace("store.js", "line.js")).headers["cache-control"].endswith("immutable")
    assert ask(edition, static("admin/css/base.css")).headers["cache-control"].endswith("immutable")


def test_the_script_of_a_page_comes_with_what_it_imports() -> None:
    assert preloads(PAGE) == begins_with(PAGE)
    edition = published(shortened=True, changing=False)
    [whole] = preloads(PAGE)
    for address in (static(PAGE), static(whole)):
        assert address.startswith(f"/static/{edition.folder}in-room/rooms/js/")
        response = ask(edition, address)
        assert (response.status, response.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
        assert response.headers["cache-control"].endswith("immutable")
        assert ask(edition, address, If_None_Match=response.headers["etag"]).status == 304
        packed = ask(edition, address, Accept_Encoding="gzip")
        assert gzip.decompress(packed.body) == response.body
    assert b"class MessageStore" in ask(edition, static(whole)).body
    handed_on = ask(edition, static(PAGE).replace("room.js", "store.js"))
    assert handed_on.body.startswith(b"import{")
    later = ask(edition, static(PAGE).replace("room.js", "view/menu.js"))
    assert later.body == ask(edition, static("rooms/js/view/menu.js")).body
    assert later.headers["cache-control"].endswith("immutable")


def test_from_within_a_page_of_another_edition_files_are_found() -> None:
    response = ask(Edition(), "/static/v-0123456789abcdef/in-room/rooms/js/view/menu.js")
    assert (response.status, response.headers["cache-control"]) == (200, "no-cache")


@pytest.mark.parametrize("folder", ["", "v-0123456789abcdef/"])
def test_plain_addresses_and_those_of_another_edition_work_and_are_asked_for_again(folder: str) -> None:
    edition = published(shortened=True, changing=False)
    response = ask(edition, f"/static/{folder}{SCRIPT}")
    assert (response.status, response.headers["cache-control"]) == (200, "no-cache")
    assert response.body == ask(edition, static(SCRIPT)).body


def test_a_file_that_changed_since_the_start_is_not_kept() -> None:
    file = find(SCRIPT)
    assert file is not None
    now = stamp(file.stat())
    edition = Edition(folder="v-0123456789abcdef/", stamps={SCRIPT: (now[0] - 1, now[1])})
    assert ask(edition, f"/static/{edition.folder}{SCRIPT}").headers["cache-control"] == "no-cache"


def test_nor_is_one_that_changes_while_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.css"
    file.write_text("one")
    edition = Edition(folder="v-0123456789abcdef/", stamps={"a.css": stamp(file.stat())})
    packing: Any = at_once()
    packed = packing.packed

    async def replaced_before(*what: Any) -> Any:
        file.write_text("another")
        return await packed(*what)

    packing.packed = replaced_before
    edge = Edge()
    edge.site.resource._parts = [(b"/static/", StaticFiles(packing, edition, lambda _path: file))]
    response = edge.ask("GET", f"/static/{edition.folder}a.css")
    assert (response.body, response.headers["cache-control"]) == (b"another", "no-cache")


@pytest.mark.parametrize("path", ["v-0123456789abcdef/../x", "v-0123456789abcdef//x", "v-0123456789abcdef/"])
def test_an_edition_is_no_way_out(path: str) -> None:
    assert ask(Edition(), f"/static/{path}").status == 404


def test_what_is_no_edition_is_part_of_the_path() -> None:
    assert split("v-0123456789abcdef/a/b.js") == ("v-0123456789abcdef/", "a/b.js")
    for path in ("v-short/a.js", "rooms/js/room.js", "v-0123456789abcdef"):
        assert split(path) == ("", path)


@pytest.mark.parametrize(
    "settings",
    [
        {"STATIC_ROOT": "/srv/static"},
        {"STATIC_URL": "https://files.example.org/"},
        {"STORAGES": {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}},
    ],
)
def test_where_another_server_has_the_files_addresses_stay_plain(settings: dict[str, Any]) -> None:
    with override_settings(**settings):
        edition = published(shortened=True, changing=False)
        assert edition.folder == ""
        assert not FOLDER.search(static(SCRIPT))


def test_while_files_change_addresses_stay_plain() -> None:
    assert published(shortened=False, changing=True).folder == ""
    assert static(SCRIPT) == f"/static/{SCRIPT}"


def test_an_edition_is_of_contents_and_of_how_they_are_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.css").write_text("one")
    with override_settings(STATICFILES_DIRS=[("more", tmp_path)]):
        first, again, long = current(shortened=True), current(shortened=True), current(shortened=False)
        (tmp_path / "a.css").write_text("two")
        changed = current(shortened=True)
        monkeypatch.setattr(
            "realtime.edition.bundle", lambda script, *_how: {script: "put together otherwise"}
        )
        bundled = current(shortened=True)
    assert first == again
    assert "more/a.css" in first.stamps
    assert len({one.folder for one in (first, long, changed, bundled)}) == 4
