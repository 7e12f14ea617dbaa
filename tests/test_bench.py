#!/usr/bin/env python3
"""The arithmetic of tools/bench: rates from epochs, ratios, summaries. Nothing is measured."""

import os
import sys
import unittest

sys.dont_write_bytecode = True
TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "tools", "bench"))
import grid  # noqa: E402
from contenders import flops  # noqa: E402
from laps import median_of_laps  # noqa: E402
from render import as_markdown, as_text, median_ratio, short  # noqa: E402
from section_phases import median_shares  # noqa: E402


def epochs(rows, *seconds):
    return [
        {"seconds": f"{spent:.6f}", "samples_per_second": f"{rows / spent:.0f}"}
        for spent in seconds
    ]


class Rates(unittest.TestCase):
    def test_warm_up_does_not_count(self):
        found = epochs(1000, 0.5, 0.02, 0.02, 0.02)
        self.assertAlmostEqual(grid.steady_rate(found, 1000, 1), 50000)

    def test_warm_up_lasts_a_tenth_of_a_second(self):
        found = epochs(1000, 0.04, 0.04, 0.04, 0.01, 0.01)
        self.assertAlmostEqual(grid.steady_rate(found, 1000, 1), 100000)

    def test_warm_up_lasts_so_many_rows(self):
        found = epochs(100, 0.2, 0.3, 0.4, 0.1)
        self.assertAlmostEqual(grid.steady_rate(found, 100, 1, warm_rows=300), 1000)

    def test_slow_epochs_within_the_measurement_count(self):
        found = epochs(1000, 0.1, 0.01, 0.01, 0.08, 0.02)
        self.assertAlmostEqual(grid.steady_rate(found, 1000, 0.12), 4000 / 0.12)

    def test_no_more_than_the_seconds_counts(self):
        found = epochs(1000, 0.1, 0.05, 0.05, 5)
        self.assertAlmostEqual(grid.steady_rate(found, 1000, 0.1), 20000)

    def test_one_epoch_always_counts(self):
        self.assertAlmostEqual(grid.steady_rate(epochs(10, 0.01), 10, 1), 1000)
        self.assertAlmostEqual(grid.steady_rate(epochs(10, 0.01, 0.02), 10, 1, 10**6), 500)

    def test_short_epochs_go_by_their_rate(self):
        epoch = {"seconds": "0.000003", "samples_per_second": "4000000"}
        self.assertAlmostEqual(grid.epoch_seconds(epoch, 10), 2.5e-6)

    def test_median_of_laps(self):
        self.assertEqual(median_of_laps([(10, 1), (10, 1), (10, 10)], 8), 10)
        self.assertEqual(median_of_laps([(1, 0.5), (3, 0.5)], 8), 4)


class Grid(unittest.TestCase):
    def test_spans(self):
        self.assertGreaterEqual(len(grid.GRID), 40)
        self.assertIn(((64, 8, 10), 1), grid.GRID)
        self.assertIn(((784, 2048, 2048, 10), 1024), grid.GRID)
        for cell in grid.QUICK_GRID:
            self.assertIn(len(cell[0]), (3, 4))

    def test_rows_hold_whole_batches(self):
        for widths, batch in grid.GRID:
            for rate in (1, 1e3, 1e9):
                rows = grid.rows_of(widths, batch, rate, 0.05)
                self.assertEqual(rows % batch, 0)
                self.assertLessEqual(rows * widths[0], max(grid.MOST_BYTES, batch * widths[0]))
                self.assertLessEqual(rows, grid.MOST_ROWS)

    def test_one_thread_is_measured_once(self):
        names = list(grid.trainings((1, 2, 3, 4)))
        self.assertEqual(len(names), 7)
        self.assertEqual(grid.up_to(1), grid.exactly(1))
        self.assertEqual(grid.trainings((1, 2))["up to 2"], (2, False))
        self.assertEqual(grid.trainings((1, 2))["exactly 1"], (1, True))


class Comparisons(unittest.TestCase):
    rates = {
        "exactly 1": [10, 10, 10],
        "exactly 2": [16, 20, 90],
        "up to 2": [12, 30, 12],
        "exactly 4": [40, 15, 15],
        "up to 4": [18, 18, 18],
    }

    def test_best_has_the_highest_median(self):
        found = grid.judge(self.rates, (1, 2, 4))
        self.assertEqual(found["to_fixed"]["best"], "exactly 2")
        self.assertEqual(found["to_fixed"]["ratios"], [18 / 16, 18 / 20, 18 / 90])
        self.assertEqual(found["to_fixed"]["ratio"], 0.9)
        self.assertEqual(found["to_fewer"]["best"], "up to 2")
        self.assertEqual(found["to_fewer"]["ratio"], 1.5)

    def test_what_is_missing_is_left_out(self):
        self.assertIsNone(grid.judge({"exactly 1": [1]}, (1, 2))["to_fixed"])
        found = grid.judge({"exactly 1": [1], "up to 2": [2]}, (1, 2))
        self.assertEqual(found["to_fixed"]["ratio"], 2)

    def test_summary(self):
        cells = [
            {"name": name, "to_fixed": {"ratio": ratio} if ratio else None}
            for name, ratio in (("a", 1.0), ("b", 0.95), ("c", 0.5), ("d", None))
        ]
        found = grid.summary(cells, "to_fixed", 0.95)
        self.assertEqual((found["met"], found["cells"], found["median"]), (2, 3, 0.95))
        self.assertEqual((found["lowest"], found["highest"]), (0.5, 1.0))
        self.assertEqual(found["worst"], ["c", "b", "a"])
        self.assertIsNone(grid.summary(cells[3:], "to_fixed", 0.95))

    def test_ratios_are_of_pairs(self):
        self.assertEqual(median_ratio([2, 9, 8], [1, 3, 8]), 2)

    def test_shares_of_phases(self):
        found = [{"forward": 1, "barrier": 3}, {"forward": 10, "barrier": 10}]
        self.assertEqual(median_shares(found), {"forward": 0.375, "barrier": 0.625})


class Tables(unittest.TestCase):
    def test_operations_of_a_sample(self):
        self.assertEqual(flops([3, 5, 2]), 4 * 3 * 5 + 6 * 5 * 2)

    def test_short(self):
        told = [short(value) for value in (7, 1234, 999400, 2.5e6)]
        self.assertEqual(told, ["7", "1.23k", "999k", "2.5M"])

    def test_sections(self):
        section = dict(title="T", header=["", "a"], rows=[["  x", "1"], ["y", "20"]], about="A.")
        self.assertEqual(as_text(section), "\nT\nA.\n        a\n    x   1\n  y    20")
        expected = "\n## T\n\nA.\n\n|  | a |\n|---|---:|\n| x | 1 |\n| y | 20 |"
        self.assertEqual(as_markdown(section), expected)


if __name__ == "__main__":
    unittest.main()
