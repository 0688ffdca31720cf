"""What benchmarks make of what they measured: medians, ratios paired within a round, tables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks import report
from benchmarks.__main__ import chosen_kinds, chosen_workloads, parsed
from benchmarks.figures import Ratio, Sample, Samples, median, paired
from benchmarks.workloads import GOALS, LARGE, WORKLOADS

ROOT = Path(__file__).resolve().parent.parent


def measured(*found: tuple[int, str, float], workload: str = "W1a", cpu: float = 0.1) -> Samples:
    """Return samples of W1a's figure: (round, server, value)."""
    samples = Samples()
    for number, server, value in found:
        samples.add(Sample(number, workload, server, {"own_per_s": value, "cpu": cpu}, cpu))
    return samples


class TestFigures:
    def test_the_median_of_nothing_is_none(self) -> None:
        assert median([]) is None
        assert median(iter([3.0, 1.0, 2.0])) == 2.0

    def test_a_ratio_compares_within_a_round_only(self) -> None:
        """The machine was ten times slower in the second round; the ratio of the medians would be 20."""
        ours = {0: 200.0, 1: 20.0, 2: 200.0}
        theirs = {0: 100.0, 1: 10.0, 2: 10.0}
        assert paired(ours, theirs) == Ratio(median=2.0, least=2.0, most=20.0, rounds=3)

    def test_a_round_that_one_of_them_lacks_does_not_count(self) -> None:
        assert paired({0: 4.0, 1: 9.0}, {0: 2.0, 2: 1.0}) == Ratio(2.0, 2.0, 2.0, 1)

    def test_nothing_is_compared_to_nought(self) -> None:
        assert paired({0: 4.0}, {0: 0.0}) is None
        assert paired({}, {}) is None

    def test_samples_are_paired_by_round_whatever_their_order(self) -> None:
        samples = measured((1, "ours", 30), (0, "node", 5), (0, "ours", 10), (1, "node", 10))
        assert samples.ratio("W1a", "own_per_s", "ours", "node") == Ratio(2.5, 2.0, 3.0, 2)

    def test_a_run_that_failed_leaves_its_round_out(self) -> None:
        samples = measured((0, "ours", 10), (0, "node", 5), (1, "ours", 10))
        samples.add(Sample(1, "W1a", "node", {}, 0.0, "it gave up"))
        assert samples.ratio("W1a", "own_per_s", "ours", "node") == Ratio(2.0, 2.0, 2.0, 1)
        assert samples.median("W1a", "node", "own_per_s") == 5

    def test_two_workloads_are_compared_within_a_round_too(self) -> None:
        samples = measured((0, "ours", 10), (1, "ours", 100))
        for sample in measured((0, "ours", 11), (1, "ours", 110), workload="W1b").kept:
            samples.add(sample)
        ratio = samples.between(("W1b", "ours"), ("W1a", "ours"), "own_per_s")
        assert ratio is not None
        assert ratio.median == pytest.approx(1.1)

    @pytest.mark.parametrize(("more", "best"), [(True, "bun-30"), (False, "bun-10")])
    def test_the_best_is_that_of_the_best_median(self, more: bool, best: str) -> None:
        samples = measured(
            (0, "bun-10", 1), (0, "bun-30", 5), (1, "bun-10", 9), (1, "bun-30", 6), (2, "bun-10", 1),
        )  # fmt: skip
        assert samples.best("W1a", "own_per_s", ["bun-10", "bun-30", "bun-60"], more=more) == best
        assert samples.best("W1a", "own_per_s", ["bun-60"], more=more) is None

    @pytest.mark.parametrize(("cpu", "saturated"), [(0.5, False), (0.97, True)])
    def test_a_client_that_is_busy_all_the_time_is_told_of(self, cpu: float, saturated: bool) -> None:
        samples = measured((0, "ours", 10), cpu=cpu)
        assert samples.kept[0].saturated is saturated
        assert ("saturated" in report.table(samples, [WORKLOADS["W1a"]])) is saturated


class TestReport:
    def test_the_best_pool_size_stands_for_bun(self) -> None:
        samples = measured((0, "ours", 30), (0, "bun-10", 10), (0, "bun-30", 20), (0, "node", 5))
        line = report.table(samples, [WORKLOADS["W1a"]]).splitlines()[2]
        assert "| 20 (30) |" in line
        assert "**1.50** (1.50–1.50)" in line
        assert "≥ 1.25 × bun: met" in line

    def test_a_goal_that_was_not_reached_is_told_of(self) -> None:
        samples = measured((0, "ours", 10), (0, "bun-10", 10))
        assert "≥ 1.25 × bun: missed" in report.table(samples, [WORKLOADS["W1a"]])

    def test_a_goal_without_its_peer_is_not_judged(self) -> None:
        samples = measured((0, "ours", 10), (0, "node", 10))
        assert "≥ 1.25 × bun: no round" in report.table(samples, [WORKLOADS["W1a"]])

    def test_a_table_is_whole(self) -> None:
        samples = measured((0, "ours", 10), (0, "node", 10))
        lines = report.table(samples, [WORKLOADS["W1a"], WORKLOADS["W4"]]).splitlines()
        assert len({line.count("|") for line in lines}) == 1

    def test_only_what_was_measured_is_written_anew(self, tmp_path: Path) -> None:
        page = tmp_path / "performance.md"
        page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n", encoding="utf-8")
        report.write("new", page)
        text = page.read_text(encoding="utf-8")
        assert re.sub(r"\s+", " ", text) == f"before {report.BEGIN} new {report.END} after "

    def test_the_page_has_a_place_for_it(self) -> None:
        text = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
        assert text.count(report.BEGIN) == text.count(report.END) == 1


class TestChoice:
    def test_a_workload_is_named_by_how_its_name_begins(self) -> None:
        chosen = [w.name for w in chosen_workloads(parsed(["--only", "W1a,W2-"]))]
        assert chosen == ["W1a", "W2-100", "W2-1000", "W2-5000"]

    def test_a_whole_name_is_that_workload_alone(self) -> None:
        assert [w.name for w in chosen_workloads(parsed(["--only", "W2-100,W3"]))] == ["W2-100", "W3"]

    def test_the_largest_tables_are_filled_only_where_asked_for(self) -> None:
        assert not {w.name for w in chosen_workloads(parsed([]))}.intersection(LARGE)
        assert {w.name for w in chosen_workloads(parsed(["--large"]))} == set(WORKLOADS)

    def test_what_is_unknown_is_refused(self) -> None:
        with pytest.raises(SystemExit):
            chosen_workloads(parsed(["--only", "W9"]))

    def test_ours_is_always_measured_and_bun_means_every_pool_size(self) -> None:
        chosen = [kind.name for kind in chosen_kinds(parsed(["--peers", "bun,node"]))]
        assert chosen == ["ours", "bun-10", "bun-30", "bun-60", "node"]

    def test_ours_in_other_ways_only_where_asked_for(self) -> None:
        assert [kind.name for kind in chosen_kinds(parsed(["--peers", "sqlite,workers-2"]))] == [
            "ours",
            "workers-2",
            "sqlite",
        ]
        assert not {kind.name for kind in chosen_kinds(parsed([]))} & {"sqlite", "workers-2"}

    def test_an_earlier_state_is_ours_in_another_folder(self, tmp_path: Path) -> None:
        ours, before = chosen_kinds(parsed(["--before", str(tmp_path)]))
        assert (before.name, before.folder, before.command) == ("before", tmp_path, ours.command)

        chosen = chosen_kinds(parsed(["--before", str(tmp_path), "--peers", "node"]))
        assert [kind.name for kind in chosen] == ["ours", "node", "before"]

    def test_every_goal_is_of_a_figure_that_is_measured(self) -> None:
        for goal in GOALS:
            assert goal.figure in {figure.key for figure in WORKLOADS[goal.workload].figures}, goal


def test_continuous_integration_measures_nothing() -> None:
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert "bench" not in script
