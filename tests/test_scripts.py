"""A page tells the browser of the modules that it begins with, and of no others."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.management import call_command
from django.test import override_settings

from realtime.static import find
from rooms import scripts

MANIFEST = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}}


def test_what_is_imported_is_told_and_what_is_asked_for_later_is_not(tmp_path: Path) -> None:
    sources = {
        "js/a.js": 'import {\n  one,\n} from "./view/b.js";\nconst later = () => import("./later.js");\n',
        "js/view/b.js": '/** @typedef {import("../later.js").T} T */\nexport { two } from "../c.js";\n',
        "js/c.js": 'import "./a.js";\nexport const two = "./later.js";\n',
        "js/later.js": "",
    }
    for name, source in sources.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    assert scripts.begins_with("js/a.js", static=tmp_path) == ["js/a.js", "js/c.js", "js/view/b.js"]


def test_the_room_begins_with_its_own_module() -> None:
    told = scripts.begins_with("rooms/js/room.js")
    assert {"rooms/js/room.js", "rooms/js/outbox.js", "rooms/js/view/log.js"} <= set(told)
    assert all((scripts.STATIC / module).is_file() for module in told)


def test_nothing_is_fetched_ahead_by_names_that_modules_do_not_know(tmp_path: Path) -> None:
    for page in scripts.PAGES:
        assert scripts.preloads(page)
        with override_settings(STORAGES=MANIFEST, STATIC_ROOT=str(tmp_path)):
            assert scripts.preloads(page) == []


def test_the_files_can_be_collected_by_names_that_change_with_them(tmp_path: Path) -> None:
    """Nothing in them names a file that is not there, and a server gives out what was collected."""
    with override_settings(STORAGES=MANIFEST, STATIC_ROOT=str(tmp_path)):
        call_command("collectstatic", interactive=False, verbosity=0)
        address = staticfiles_storage.url("rooms/js/room.js").removeprefix(settings.STATIC_URL)
        assert address != "rooms/js/room.js"
        found = find(address)
        assert found
        assert found.read_bytes() == (scripts.STATIC / "rooms/js/room.js").read_bytes()
        assert find("../manage.py") is None
    assert find(address) is None
