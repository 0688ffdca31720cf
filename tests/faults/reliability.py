"""docs/reliability.md: what the last run of each fault came to, in a table between two marks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.system.server import ROOT

PAGE = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- table -->\n", "<!-- end of table -->\n"
HEAD = "| fault | on | demand | measured | anomalies | verdict | run |\n" + "| --- " * 7 + "|\n"


@dataclass(frozen=True)
class Row:
    """What came of a fault on a database."""

    fault: str
    database: str
    demand: str
    measured: str
    anomalies: str
    verdict: str
    seconds: float

    @property
    def bad(self) -> bool:
        """Whether a demand was missed."""
        return self.verdict in {"missed", "broken"}

    def line(self, at: datetime) -> str:
        """Return its line of the table."""
        run = f"{at:%Y-%m-%d %H:%M} UTC, {self.seconds:.0f} s"
        cells = (
            f"`{self.fault}`",
            self.database,
            self.demand,
            self.measured,
            self.anomalies,
            self.verdict,
            run,
        )
        return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |\n"


def write(row: Row, page: Path = PAGE) -> None:
    """Put a row into the table: in the place of the one of the same fault and database, else at the end."""
    before, rest = page.read_text(encoding="utf-8").split(BEGIN)
    table, after = rest.split(END)
    key = f"| `{row.fault}` | {row.database} |"
    lines = table.removeprefix(HEAD).splitlines(keepends=True)
    line = row.line(datetime.now(UTC))
    if any(one.startswith(key) for one in lines):
        lines = [line if one.startswith(key) else one for one in lines]
    else:
        lines.append(line)
    page.write_text(f"{before}{BEGIN}{HEAD}{''.join(lines)}{END}{after}", encoding="utf-8")
