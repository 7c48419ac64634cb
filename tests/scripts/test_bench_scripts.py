"""The arithmetic of scripts/bench_recovery and scripts/bench_overhead, on figures made up or known."""

import importlib.machinery
import importlib.util
import pathlib
import sys
import tempfile
import unittest

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "scripts"
sys.dont_write_bytecode = True
sys.path.insert(0, str(SCRIPTS))
import bench_tools


def load(name):
    loader = importlib.machinery.SourceFileLoader(name, str(SCRIPTS / name))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(name, loader))
    loader.exec_module(module)
    return module


recovery, overhead = load("bench_recovery"), load("bench_overhead")


def run_of(scenario, iterations, noticed=None):
    return {"system": "salamander", "scenario": scenario, "run": 0, "iterations": iterations, "noticed": noticed, "bytes_read": [800, 0, 0, 0, 0, 100, 0]}


class Recovery(unittest.TestCase):
    def test_a_killed_executor_costs_its_share_of_the_first_iteration(self):
        found = recovery.figures(run_of("kill", [2, 1, 1.1, 0.9, 1, 1.5, 1.02], 0.002))
        self.assertAlmostEqual(found["steady"], 1)
        self.assertAlmostEqual(found["ideal"], 1 + 2 / 8)
        self.assertAlmostEqual(found["over_ideal"], 1.5 / 1.25)
        self.assertAlmostEqual(found["over_paper"], 1.5 / (8 / 7 * 1.25))
        self.assertAlmostEqual(found["over_least"], 1.5 / 1.125)
        self.assertAlmostEqual(found["next"], 1.02)
        self.assertAlmostEqual(found["read_again"], 1 / 8)

    def test_the_time_until_a_hung_executor_is_noticed_is_taken_off(self):
        found = recovery.figures(run_of("stop", [2, 1, 1, 1, 1, 6.3, 1], 5.05))
        self.assertAlmostEqual(found["over_ideal"], 1.25 / 1.25)
        self.assertAlmostEqual(found["over_steady"], 6.3)

    def test_damaged_blocks_cost_no_recomputation(self):
        self.assertAlmostEqual(recovery.figures(run_of("damage", [2, 1, 1, 1, 1, 1.1, 1]))["over_ideal"], 1.1)

    def test_the_paper_is_1_34_times_its_own_ideal(self):
        steady, first, nodes = 58, 119, 75
        ideal = steady * nodes / (nodes - 1) * (1 + first / steady / nodes)
        self.assertAlmostEqual(81 / ideal, 1.34, places=2)

    def test_a_quantile_is_a_value_that_was_measured(self):
        self.assertEqual(recovery.quantile([3, 1, 2], 0.5), 2)
        self.assertEqual(recovery.quantile(range(1, 201), 0.99), 198)
        self.assertEqual(recovery.quantile([7], 0.99), 7)

    def test_verdicts_say_what_was_missed(self):
        results = {"runs": [run_of("kill", [2, 1, 1, 1, 1, 2, 1])], "detection": {}, "stragglers": {}}
        self.assertIn("over ideal: 1.6, asked for at most 1.15: NOT met", recovery.verdicts(results))
        self.assertIn("the next over steady: 1, asked for at most 1.05: met", recovery.verdicts(results))


class Overhead(unittest.TestCase):
    def test_the_interval_of_a_median_is_between_order_statistics(self):
        # Conover's table: 15 values, 95 %: from the 4th to the 12th.
        self.assertEqual(overhead.interval(range(1, 16)), (4, 12))
        self.assertIsNone(overhead.interval([1, 2, 3]))

    def test_the_cost_is_taken_pair_by_pair(self):
        pairs = [{"on": {"seconds": on}, "off": {"seconds": off}} for on, off in ((1.02, 1), (2.02, 2), (3.09, 3))]
        self.assertAlmostEqual(overhead.cost(pairs, "seconds")[0], 0.02)


class Documents(unittest.TestCase):
    def test_only_the_section_named_is_replaced(self):
        with tempfile.TemporaryDirectory() as folder:
            page = pathlib.Path(folder) / "page.md"
            page.write_text("a\n<!-- x -->\nold\n<!-- /x -->\nb\n")
            bench_tools.update_section(page, "x", "new")
            self.assertEqual(page.read_text(), "a\n<!-- x -->\nnew\n<!-- /x -->\nb\n")
            with self.assertRaises(SystemExit):
                bench_tools.update_section(page, "y", "new")


if __name__ == "__main__":
    unittest.main()
