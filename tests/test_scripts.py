"""A page tells the browser of the modules that it begins with, and of no others."""

from __future__ import annotations

from pathlib import Path

from rooms import scripts


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
