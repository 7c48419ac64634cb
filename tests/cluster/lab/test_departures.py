"""Executors that leave a standalone cluster while an iterative job runs: what they hold is handed over, not computed again.

    test_departures.py BUILD_DIRECTORY [unittest options]
"""

import collections
import pathlib
import signal
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "scripts"))
from cluster_lab import Lab, wait_for

BUILD = pathlib.Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else pathlib.Path("build/release").resolve()
TOOL = BUILD / "apps" / "salamander"
ROUNDS = BUILD / "tests" / "cluster" / "cluster_rounds"
PARTITIONS = 8


class Departures(unittest.TestCase):
    def setUp(self):
        self.lab = Lab(TOOL, ["driver", "master", "one", "two", "three"]).__enter__()
        self.addCleanup(lambda: self.lab.__exit__(None, None, None))
        self.addCleanup(lambda: self.troubled() and self.lab.show_logs())  # while they are there

    def troubled(self):
        outcome = self._outcome.result
        return any(one is self for one, _ in outcome.failures + outcome.errors)

    def start_cluster(self, *workers, **options):
        self.lab.start_master()
        return {name: self.lab.start_worker(name, **options) for name in workers}

    def start_rounds(self, rounds, pause=20, idle=0, **settings):
        self.computed_file = self.lab.directory / "computed"
        return self.lab.start_driver("rounds", [ROUNDS, self.computed_file, rounds, pause, PARTITIONS, idle], **settings)

    def after_rounds(self, process, count):
        wait_for(f"{count} rounds", lambda: process.text().count(" done") >= count or not process.running(), 60)
        self.assertTrue(process.running(), process.text())

    def computed_again(self):
        lines = collections.Counter(self.computed_file.read_text().splitlines())
        self.assertEqual(len(lines), 2 * PARTITIONS)
        return sum(times - 1 for times in lines.values())

    def executors(self):
        return [one for one in self.lab.status()["executors"] if one["state"] != "ENDED"]

    def test_nothing_is_computed_again_when_a_worker_is_asked_to_end(self):
        workers = self.start_cluster("one", "two")
        rounds = self.start_rounds(24)
        self.after_rounds(rounds, 5)
        self.assertEqual(workers["one"].stop(), 0)
        self.after_rounds(rounds, rounds.text().count(" done") + 2)
        self.assertEqual(rounds.wait(120), 0, rounds.text())
        self.assertIn("handed over", rounds.text())
        wait_for("it has left", lambda: sorted(one["state"] for one in self.lab.status()["workers"]) == ["ALIVE", "LEFT"], 20)
        self.assertEqual(self.computed_again(), 0)

    def test_what_a_killed_worker_held_is_computed_again(self):
        workers = self.start_cluster("one", "two")
        rounds = self.start_rounds(24)
        self.after_rounds(rounds, 5)
        workers["one"].signal(signal.SIGKILL)
        self.assertEqual(rounds.wait(120), 0, rounds.text())
        self.assertGreater(self.computed_again(), 0)

    def test_executors_come_while_tasks_wait_and_leave_when_idle_and_cached_data_survive(self):
        self.start_cluster("one", "two", "three")
        rounds = self.start_rounds(20, pause=40, idle=8000, executor_cores="1", dynamicAllocation_enabled="true",
                                   dynamicAllocation_minExecutors="1", dynamicAllocation_maxExecutors="5",
                                   dynamicAllocation_schedulerBacklogTimeout="200ms", dynamicAllocation_executorIdleTimeout="1500ms")
        wait_for("more than the minimum work", lambda: len(self.executors()) >= 3 or not rounds.running(), 60)
        wait_for("no job runs", lambda: "idle" in rounds.text() or not rounds.running(), 90)
        wait_for("one is left", lambda: len(self.executors()) == 1 or "at work again" in rounds.text(), 30)
        self.assertNotIn("at work again", rounds.text())
        self.assertEqual(self.computed_again(), 0)
        wait_for("they come again", lambda: len(self.executors()) >= 3 or not rounds.running(), 60)
        self.assertEqual(rounds.wait(120), 0, rounds.text())
        self.assertEqual(self.computed_again(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
