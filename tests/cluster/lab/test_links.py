"""A standalone cluster on four machines whose connections are slow, stand still, drip and break while every process is well.

    test_links.py BUILD_DIRECTORY [unittest options]
"""

import collections
import pathlib
import re
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "scripts"))
from cluster_lab import Lab, can_isolate, wait_for

BUILD = pathlib.Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else pathlib.Path("build/release").resolve()
TOUR = BUILD / "apps" / "cluster_tour"
ROUNDS = BUILD / "tests" / "cluster" / "cluster_rounds"
PARTITIONS = 8


@unittest.skipUnless(can_isolate(), "connections are led through proxies in network namespaces, which needs root")
class Connections(unittest.TestCase):
    """All that workers, executors and drivers connect to, they connect to through a proxy on their machine."""

    @classmethod
    def setUpClass(cls):
        cls.lab = Lab(BUILD / "apps" / "salamander", ["driver", "master", "one", "two"]).__enter__()
        cls.addClassCleanup(lambda: cls.lab.__exit__(None, None, None))
        for name in ("driver", "one", "two"):
            cls.lab.hosts[name].start_proxy()
        cls.lab.start_master()
        for name in ("one", "two"):
            cls.lab.start_worker(name)

    def start_tour(self, rounds):
        tour = self.lab.start_driver(self.id().rsplit(".", 1)[1], [TOUR, "--tasks", 8, "--pause", 20, "--rounds", rounds])
        self.addCleanup(lambda: tour.running() and tour.kill())
        self.works_on_both_workers(tour, "tasks ")
        return tour

    def disturb(self, host, seconds, *fault):
        machine = self.lab.hosts[host]
        self.assertEqual(machine.disturb(*fault), "done")
        time.sleep(seconds)
        self.assertEqual(machine.disturb("heal"), "done")

    def finished(self, tour):
        """It finds what is right, or fails: it looks at its answers."""
        self.assertEqual(tour.wait(120), 0, tour.text())

    def executors_of(self, tour):
        return set(re.findall(r"process (\d+)", tour.text()))

    def test_slow_connections_change_nothing(self):
        tour = self.start_tour(60)
        for host, delay in (("one", 50), ("two", 500), ("driver", 300)):
            self.disturb(host, 2, "delay", delay)
        self.finished(tour)
        self.assertEqual(len(self.executors_of(tour)), 2, tour.text())

    def test_connections_that_stand_still_for_less_than_it_takes_to_suspect_somebody_change_nothing(self):
        tour = self.start_tour(60)
        for host in ("one", "two", "driver"):
            self.disturb(host, 2, "stall")
            time.sleep(0.5)
        self.finished(tour)
        self.assertEqual(len(self.executors_of(tour)), 2, tour.text())

    def test_connections_that_drip_change_nothing(self):
        tour = self.start_tour(60)
        for host in ("one", "driver"):
            self.disturb(host, 2, "drip", 512, 5)
        self.finished(tour)
        self.assertEqual(len(self.executors_of(tour)), 2, tour.text())

    def test_connections_that_break_cost_no_executor_and_nothing_is_computed_again(self):
        rounds = self.start_rounds(60)
        before = self.executor_ids()
        for host, how in (("one", "ONE"), ("two", "ALL"), ("driver", "ALL"), ("one", "ALL"), ("two", "ALL"), ("one", "ALL")):
            self.assertGreater(int(self.lab.hosts[host].disturb("reset", how)), 0)
            time.sleep(0.7)
        self.assertEqual(self.executor_ids(), before)
        self.nothing_was_lost(rounds)
        self.assertGreaterEqual(len(re.findall(r"executor \d+: its connection broke and was made again after", rounds.text())), 4, rounds.text())

    def test_an_executor_whose_driver_did_not_hear_that_the_connection_broke_goes_on_over_another_one(self):
        rounds = self.start_rounds(60)
        before = self.executor_ids()
        for host in ("one", "two", "one"):
            self.assertGreater(int(self.lab.hosts[host].disturb("reset", "HALF")), 0)
            time.sleep(1)
        self.assertEqual(self.executor_ids(), before)
        self.nothing_was_lost(rounds)

    def start_rounds(self, rounds):
        self.computed_file = self.lab.directory / f"computed-{self.id().rsplit('.', 1)[1]}"
        started = self.lab.start_driver(self.id().rsplit(".", 1)[1], [ROUNDS, self.computed_file, rounds, 20, PARTITIONS])
        self.addCleanup(lambda: started.running() and started.kill())
        self.works_on_both_workers(started, " done")
        return started

    def works_on_both_workers(self, program, said):
        wait_for("it works on both workers", lambda: (program.text().count(said) >= 4 and self.living() == (2, 2)) or not program.running(), 60)
        self.assertTrue(program.running(), program.text())

    def nothing_was_lost(self, rounds):
        self.assertEqual(rounds.wait(120), 0, rounds.text())
        lines = collections.Counter(self.computed_file.read_text().splitlines())
        self.assertEqual(len(lines), 2 * PARTITIONS)
        self.assertEqual([line for line, times in lines.items() if times > 1], [], rounds.text())

    def executor_ids(self):
        return {(one["application"], one["executor"]) for one in self.lab.status()["executors"] if one["state"] == "RUNNING"}

    def living(self):
        now = self.lab.status()
        return (len([one for one in now["executors"] if one["state"] == "RUNNING"]),
                len([one for one in now["workers"] if one["state"] == "ALIVE"]))


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
