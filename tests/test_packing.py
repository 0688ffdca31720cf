"""What static files become on their way: shortened, compressed, packed once, kept within a bound."""

from __future__ import annotations

import gzip
import os
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from realtime.limits import StaticLimits
from realtime.packing import Packed, Packing, stamp, thd_pack

ODD = [
    ("class A { #b = 1; get b() { return this.#b ?? 0; } }", "class A{#b=1;get b(){return this.#b??0;}}"),
    ("const at = /[/*]'\\/\"/u; // a quote", "const at=/[/*]'\\/\"/u;"),
    ("if (a) { b(/x  y/) }", "if(a){b(/x  y/)}"),
    ("const told = `a // b  ${c}  ${ d(1) }  /* e */`;", "const told=`a // b  ${c}  ${ d(1) }  /* e */`;"),
    ("const told = `a  ${ b(`  ${c}  `) }`;", "const told = `a  ${ b(`  ${c}  `) }`;"),
    ("const told = `a  ${ b({ c }, ` d `) }`;", "const told = `a  ${ b({ c }, ` d `) }`;"),
    ("let a = b\n++c\nreturn\nd", "let a=b\n++c\nreturn\nd"),
    ("a = b / c / d; e = f /* g */ / h", "a=b/c/d;e=f/h"),
    ("const a = 1 + +b - -c", "const a=1+ +b- -c"),
    ('import { a as b } from "./c.js";\nexport * from "d";', 'import{a as b}from"./c.js";export*from"d";'),
    ("async () => { for await (const a of b) yield* c; }", "async()=>{for await(const a of b)yield*c;}"),
    ("const url = 'http://x/y'; // z", "const url='http://x/y';"),
]
"""What our scripts are written in, and what it becomes."""


class Later:
    """A reactor and a pool whose work is done when a test says so."""

    def __init__(self) -> None:
        self.work: list[Any] = []

    def callFromThread(self, call: Any, *given: Any) -> None:
        call(*given)

    def callInThreadWithCallback(self, told: Any, work: Any, *given: Any, **named: Any) -> None:
        self.work.append(lambda: told(True, work(*given, **named)))


def packing(**bounds: int) -> tuple[Packing, list[Any]]:
    later: Any = Later()
    return Packing(later, later, StaticLimits(**bounds), shorten=True), later.work


def asked(packing: Packing, path: Path) -> Deferred[Packed]:
    return Deferred.fromCoroutine(
        packing.packed(path, stamp(path.stat()), partial(thd_pack, path, shorten=False))
    )


@pytest.mark.parametrize(("source", "sent"), ODD)
def test_what_is_shortened_still_means_the_same(source: str, sent: str, tmp_path: Path) -> None:
    (tmp_path / "a.js").write_text(source)
    assert thd_pack(tmp_path / "a.js", shorten=True).forms[""].decode() == sent


def test_who_asks_while_a_file_is_packed_waits_for_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a" * 1000)
    one, work = packing()
    answers = [asked(one, tmp_path / "a.css") for _ in range(3)]
    assert (len(work), [answer.called for answer in answers]) == (1, [False] * 3)
    work.pop()()
    assert {id(answer.result) for answer in answers} == {id(answers[0].result)}
    assert asked(one, tmp_path / "a.css").called
    assert work == []


def test_a_file_that_changes_is_packed_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.css"
    path.write_text("old")
    one, work = packing()
    asked(one, path)
    work.pop()()
    path.write_text("newer")
    answer = asked(one, path)
    work.pop()()
    packed: Any = answer.result
    assert (packed.forms[""], gzip.decompress(packed.forms["gzip"]), packed.stamp) == (
        b"newer",
        b"newer",
        stamp(path.stat()),
    )


def test_what_is_held_is_bounded_and_the_oldest_goes(tmp_path: Path) -> None:
    one, work = packing(packed_bytes=6_000)
    for name in "abc":
        (tmp_path / name).write_bytes(os.urandom(900))
        asked(one, tmp_path / name)
        work.pop()()
    assert asked(one, tmp_path / "c").called
    assert asked(one, tmp_path / "b").called
    assert not asked(one, tmp_path / "a").called


def test_the_same_file_gives_the_same_bytes_on_every_server(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a" * 100)
    assert thd_pack(tmp_path / "a.css", shorten=False) == thd_pack(tmp_path / "a.css", shorten=False)
