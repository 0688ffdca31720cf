"""What was measured, as tables: on the terminal, and in docs/performance.md."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from benchmarks.database import ROOT
from benchmarks.figures import Ratio, Samples
from benchmarks.servers import BENCH_PYTHON, MODULES
from benchmarks.workloads import GOALS, Figure, Goal, Workload

PAGE = ROOT / "docs" / "performance.md"
IMAGES = ROOT / "docs" / "images"
BEGIN, END = "<!-- measured: written by `make bench` -->", "<!-- /measured -->"
WHOLE = 100
"""From here on a figure's fraction tells nothing."""
OURS_NEED = ("Django", "Twisted", "autobahn", "msgspec", "psycopg2-binary")
PEERS_NEED = ("channels", "channels-redis", "uvicorn", "uvloop", "websockets")


def peers_of(samples: Samples, workload: Workload, figure: Figure) -> dict[str, str]:
    """Return the peers that a workload was run against: family to server, of Bun's pool sizes the best."""
    families: dict[str, list[str]] = {}
    for name in samples.servers(workload.name):
        if name != "ours":
            families.setdefault("bun" if name.startswith("bun-") else name, []).append(name)
    chosen = {
        family: samples.best(workload.name, figure.key, names, more=figure.more)
        for family, names in families.items()
    }
    return {family: name for family, name in chosen.items() if name is not None}


def table(samples: Samples, workloads: Sequence[Workload]) -> str:
    """Return the figures and ratios of all workloads, as a table of Markdown."""
    families = list(
        dict.fromkeys(
            family for w in workloads for figure in w.figures for family in peers_of(samples, w, figure)
        )
    )
    rows = [
        [
            "workload",
            "figure",
            "ours",
            *families,
            *(f"ours / {family}" for family in families),
            "goal",
            "client",
        ]
    ]
    for workload in workloads:
        rows += [_row(samples, workload, figure, families) for figure in workload.figures]
    return _markdown(rows)


def _row(samples: Samples, workload: Workload, figure: Figure, families: Sequence[str]) -> list[str]:
    peers = peers_of(samples, workload, figure)
    names = [peers.get(family) for family in families]
    ours = samples.median(workload.name, "ours", figure.key)
    medians = [samples.median(workload.name, name, figure.key) if name else None for name in names]
    ratios = [samples.ratio(workload.name, figure.key, "ours", name) if name else None for name in names]
    goal = next((g for g in GOALS if (g.workload, g.figure) == (workload.name, figure.key)), None)
    return [
        workload.name,
        figure.title,
        _number(ours),
        *(_number(value) + _pool(name) for value, name in zip(medians, names, strict=True)),
        *(_ratio(ratio) for ratio in ratios),
        _judged(goal, dict(zip(families, ratios, strict=True)), more=figure.more) if goal else "",
        _clients(samples, workload),
    ]


def _pool(name: str | None) -> str:
    return f" ({name.partition('-')[2]})" if name and name.startswith("bun-") else ""


def _number(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= WHOLE else f"{value:.3g}"


def _ratio(ratio: Ratio | None) -> str:
    return "–" if ratio is None else f"**{ratio.median:.2f}** ({ratio.least:.2f}–{ratio.most:.2f})"


def _judged(goal: Goal, ratios: dict[str, Ratio | None], *, more: bool) -> str:
    told = f"{'≥' if more else '≤'} {goal.bound:g} × {goal.peer}"
    ratio = ratios.get(goal.peer)
    if ratio is None:
        return f"{told}: no round"
    met = ratio.median >= goal.bound if more else ratio.median <= goal.bound
    return f"{told}: {'met' if met else 'missed'}"


def _clients(samples: Samples, workload: Workload) -> str:
    """Return the client's own load against ours and, at most, against the peers."""
    found = [(name, samples.median(workload.name, name, "cpu")) for name in samples.servers(workload.name)]
    told = [f"{name} {cpu:.0%}" for name, cpu in found if cpu is not None and name != "ours"]
    ours = [f"ours {cpu:.0%}" for name, cpu in found if cpu is not None and name == "ours"]
    flag = any(s.saturated for s in samples.kept if s.workload == workload.name)
    return ", ".join([*ours, *told]) + (" **saturated**" if flag else "")


def _markdown(rows: Sequence[Sequence[str]]) -> str:
    head, *body = rows
    lines = ["| " + " | ".join(cells) + " |" for cells in body]
    return "\n".join(["| " + " | ".join(head) + " |", "|" + " --- |" * len(head), *lines])


def troubles(samples: Samples) -> str:
    """Return what went wrong, a line each; "" where nothing did."""
    return "\n".join(
        f"- {s.workload}, {s.server}, round {s.round + 1}: {_one_line(s.troubles)}"
        for s in samples.kept
        if s.troubles
    )


def _one_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1][:200] if lines else ""


def versions(postgresql: str) -> str:
    """Return what was measured with: machine, date, versions."""
    ours = [f"{name} {found}" for name in OURS_NEED if (found := _version(name))]
    peers = [*_bench_versions(), *_module_versions()]
    return "\n".join(
        [
            f"Date: {datetime.now().astimezone():%Y-%m-%d %H:%M %Z}. Commit: {_output('git', 'rev-parse', '--short', 'HEAD')}.",
            f"Machine: {_cpus()}, Linux {platform.release()}.",
            f"Ours: Python {platform.python_version()}, {', '.join(ours)}.",
            f"Peers: Node {_output('node', '--version')}, {', '.join(peers)}. PostgreSQL {postgresql}.",
        ]
    )


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _bench_versions() -> Iterator[str]:
    script = "import importlib.metadata as m, sys\nfor n in sys.argv[1:]: print(n, m.version(n))"
    if BENCH_PYTHON.exists():
        yield from _output(str(BENCH_PYTHON), "-c", script, *PEERS_NEED).splitlines()


def _module_versions() -> Iterator[str]:
    for name in ("ws", "pg", "bun"):
        package = MODULES / name / "package.json"
        if package.exists() and (
            found := re.search(r'"version":\s*"([^"]+)"', package.read_text(encoding="utf-8"))
        ):
            yield f"{name} {found[1]}"


def _cpus() -> str:
    text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return f"{len(re.findall(r'^processor', text, re.MULTILINE))} cores of {model[1] if model else platform.machine()}"


def _output(*command: str) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT).stdout.strip()
    except OSError:
        return "not installed"


def whole(samples: Samples, workloads: Sequence[Workload], postgresql: str) -> str:
    """Return all that is told about a run."""
    command = " ".join(["python -m benchmarks", *sys.argv[1:]])
    parts = [
        versions(postgresql),
        f"Command: `{command}`. Rounds: {_rounds(samples, workloads)}.",
        "",
        table(samples, [w for w in workloads if samples.servers(w.name)]),
    ]
    if told := troubles(samples):
        parts += ["", "What went wrong:", "", told]
    return "\n".join(parts)


def _rounds(samples: Samples, workloads: Sequence[Workload]) -> str:
    found: dict[int, list[str]] = {}
    for workload in workloads:
        if count := len(samples.of(workload.name, "ours")):
            found.setdefault(count, []).append(workload.name)
    return "; ".join(f"{count} of {', '.join(names)}" for count, names in sorted(found.items(), reverse=True))


def write(text: str, page: Path = PAGE) -> None:
    """Put what was measured in its place in docs/performance.md; the rest of the page stays."""
    before, _begin, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _old, _end, after = rest.partition(END)
    page.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
