"""A page's modules in one file: in the order of their imports, and later ones find the same instances."""

from __future__ import annotations

from pathlib import Path

import pytest

from realtime.bundling import CannotBundle, bundle
from rooms import scripts

SOURCES = {
    "js/page.js": 'import "./first.js";\nimport {\n  one,\n  two as second,\n} from "./view/both.js";\n'
    'await one(second, () => import("./view/later.js"));\n',
    "js/first.js": 'document.title = "first";\n',
    "js/view/both.js": 'import { three } from "../more.js";\nconst two = three;\n'
    'export async function one() {\n  return import("./later.js");\n}\nexport { two };\n',
    "js/more.js": "export const three = 3;\nexport class Four {}\n",
}


def made(**changed: str) -> dict[str, str]:
    """Return the bundle of the sources, with some of them changed."""
    sources = {**SOURCES, **{f"js/{name}.js": text for name, text in changed.items()}}
    return bundle("js/page.js", sources.__getitem__, str)


def test_each_module_comes_after_what_it_imports() -> None:
    file = made()["js/page.all.js"]
    places = [file.index(f"const $js_{name}_js=") for name in ("first", "more", "view_both")]
    assert places == sorted(places)
    assert "const{three}=$js_more_js;" in file
    assert "return{one,two};" in file
    assert file.endswith("export{$js_first_js,$js_more_js,$js_view_both_js};")


def test_the_page_s_own_script_may_wait_and_what_it_fetches_does_not_wait_for_it() -> None:
    told = made()
    assert told["js/page.js"].startswith('import{$js_view_both_js}from"./page.all.js";')
    assert "const{one,   two:second}=$js_view_both_js;" in told["js/page.js"]
    assert "await one" in told["js/page.js"]
    assert "page.js" not in told["js/view/both.js"]


def test_a_module_that_is_fetched_later_finds_those_that_are_there() -> None:
    told = made()
    assert told["js/view/both.js"] == (
        'import{$js_view_both_js as m}from"../page.all.js";export const{one,two}=m;'
    )
    assert told["js/first.js"] == 'import"./page.all.js";'
    assert 'import("./view/later.js")' in told["js/page.all.js"]


@pytest.mark.parametrize(
    "changed",
    [
        {"more": 'import "./view/both.js";\n'},
        {"more": 'import three from "./x.js";\n'},
        {"more": "export default 3;\n"},
        {"more": "export let three = 3;\n"},
        {"more": "const a = 3;\nexport { a as three };\n"},
        {"more": "export const three = import.meta.url;\n"},
    ],
)
def test_what_is_not_understood_is_not_bundled(changed: dict[str, str]) -> None:
    with pytest.raises(CannotBundle):
        made(**changed)


@pytest.mark.parametrize("page", scripts.PAGES)
def test_the_pages_scripts_can_be_bundled(page: str) -> None:
    told = bundle(page, lambda path: (Path(scripts.STATIC) / path).read_text(encoding="utf-8"), str)
    assert set(told) >= set(scripts.begins_with(page))
