"""A standalone cluster on four machines, each a network namespace, while its processes and links fail.

    test_faults.py BUILD_DIRECTORY [unittest options]
"""

import json
import os
import pathlib
import re
import signal
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "scripts"))
from cluster_lab import Lab, can_isolate, wait_for

BUILD = pathlib.Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else pathlib.Path("build/release").resolve()
TOOL = BUILD / "apps" / "salamander"
TOUR = BUILD / "apps" / "cluster_tour"
RECOVERY = BUILD / "tests" / "recovery" / "recovery_program"
HOSTS = ["driver", "master", "standby", "one", "two"]


class ClusterCase(unittest.TestCase):
    def setUp(self):
        self.lab = Lab(TOOL, HOSTS).__enter__()
        self.addCleanup(lambda: self.lab.__exit__(None, None, None))
        before = self.troubles()
        self.addCleanup(lambda: self.troubles() > before and self.lab.show_logs())  # while they are there

    def run(self, result=None):
        self.troubles = lambda: len(result.failures) + len(result.errors)
        return super().run(result)

    def start_cluster(self, workers=("one", "two")):
        self.master = self.lab.start_master()
        self.workers = {name: self.lab.start_worker(name) for name in workers}

    def tour(self, name="tour", rounds=20, pause=40, **settings):
        return self.lab.start_driver(name, [TOUR, "--tasks", 16, "--pause", pause, "--rounds", rounds], **settings)

    def finished(self, process, limit=120):
        code = process.wait(limit)
        self.assertEqual(code, 0, process.text())

    def rounds_done(self, process):
        return process.text().count("tasks ")

    def after_rounds(self, process, count):
        wait_for(f"{count} lines of {process.name}",
                 lambda: self.rounds_done(process) >= count or not process.running(), 60)
        self.assertTrue(process.running(), process.text())

    def executors(self):
        return [one for one in self.lab.status()["executors"] if one["state"] != "ENDED"]

    def nothing_left(self):
        """No process and no secret of an application is left 30 s after its end."""
        wait_for("no executor is left", lambda: not self.lab.processes_below("one", "two"), 30)
        wait_for("no key is left", lambda: not list(self.lab.directory.glob("work-*/**/executor.key")), 30)
        self.assertEqual(list(pathlib.Path("/tmp").glob(f"salamander-*-{os.getpid()}-*")), [])


class Jobs(ClusterCase):
    def test_a_job_runs_on_both_workers(self):
        self.start_cluster()
        tour = self.tour(rounds=3)
        self.finished(tour)
        places = set(re.findall(r"^(10\.77\.0\.\d+|127\.0\.0\.\d+) ", tour.text(), re.M))
        if self.lab.isolated:
            self.assertEqual(places, {self.lab.hosts["one"].address, self.lab.hosts["two"].address})
        self.nothing_left()

    def test_two_applications_share_the_cluster_and_do_not_see_each_other(self):
        self.start_cluster()
        first = self.tour("first", rounds=10, cores_max="2")
        second = self.tour("second", rounds=10, cores_max="2")
        self.finished(first)
        self.finished(second)
        self.nothing_left()

    def test_an_application_waits_for_workers(self):
        self.master = self.lab.start_master()
        tour = self.tour(rounds=2, scheduler_maxRegisteredResourcesWaitingTime="1s")
        time.sleep(2)
        self.assertTrue(tour.running(), tour.text())
        self.lab.start_worker("one")
        self.finished(tour)


class Executors(ClusterCase):
    def test_killed_executors_are_replaced(self):
        self.start_cluster()
        tour = self.tour(rounds=40)
        self.after_rounds(tour, 10)
        for _ in range(2):
            victim = self.lab.processes_below("one", "two")[0]
            os.kill(victim, signal.SIGKILL)
            time.sleep(1)
        self.finished(tour)
        self.nothing_left()

    def test_a_killed_executor_is_given_up_long_before_its_silence_counts_with_a_master_and_without(self):
        self.start_cluster()
        tour = self.tour(rounds=100, executor_deadTimeout="300s", executor_suspectTimeout="290s")
        self.after_rounds(tour, 10)
        os.kill(self.lab.processes_below("one", "two")[0], signal.SIGKILL)
        wait_for("its driver was told", lambda: "signal 9" in tour.text(), 30)
        wait_for("it is replaced", lambda: len(self.executors()) == 2, 30)
        self.after_rounds(tour, self.rounds_done(tour) + 2)
        self.master.kill()
        os.kill(self.lab.processes_below("one", "two")[0], signal.SIGKILL)
        wait_for("its driver has looked", lambda: "its process is not there" in tour.text(), 30)
        self.finished(tour)

    def test_a_stopped_executor_is_given_up_and_ends_when_it_wakes(self):
        self.start_cluster()
        tour = self.tour(rounds=60, executor_deadTimeout="2s", executor_suspectTimeout="1s", executor_heartbeatInterval="300ms")
        self.after_rounds(tour, 10)
        victim = self.lab.processes_below("one", "two")[0]
        os.kill(victim, signal.SIGSTOP)
        self.finished(tour)
        self.nothing_left()


class Workers(ClusterCase):
    def test_a_killed_worker_takes_its_executors_along_and_the_job_goes_on(self):
        self.start_cluster()
        tour = self.tour(rounds=60)
        self.after_rounds(tour, 10)
        self.workers["one"].kill()
        wait_for("its executors are gone", lambda: not self.lab.processes_below("one"), 10)
        self.lab.start_worker("one", name="one-again")
        self.finished(tour)

    def test_a_worker_that_is_asked_to_end_does_so_and_the_job_goes_on(self):
        self.start_cluster()
        tour = self.tour(rounds=40)
        self.after_rounds(tour, 10)
        self.assertEqual(self.workers["one"].stop(), 0)
        self.assertEqual(self.lab.processes_below("one"), [])
        self.finished(tour)
        self.nothing_left()


class Drivers(ClusterCase):
    def test_nothing_is_left_of_a_killed_driver(self):
        self.start_cluster()
        tour = self.tour(rounds=1000)
        self.after_rounds(tour, 4)
        tour.kill()
        self.nothing_left()
        wait_for("the master knows", lambda: not self.executors(), 60)

    def test_nothing_is_left_of_a_driver_that_is_killed_while_it_has_no_executor(self):
        self.start_cluster(workers=[])
        worker = self.lab.start_worker("one", grace="1s")
        tour = self.tour(rounds=1000)
        self.after_rounds(tour, 4)
        self.assertEqual(worker.stop(), 0)
        tour.kill()
        self.lab.start_worker("one", name="one-again")
        wait_for("the application is over", lambda: self.lab.status()["applications"][0]["state"] == "FAILED", 30)
        wait_for("no executor is left", lambda: not self.lab.processes_below("one", "one-again"), 30)
        self.assertEqual(self.executors(), [])
        self.nothing_left()

    def test_a_driver_on_the_cluster_is_started_again_when_it_fails_and_can_be_killed(self):
        self.start_cluster()
        told = self.lab.ask("submit", "--deploy-mode", "cluster", "--supervise", "--json", TOUR, "--rounds", "100000", "--pause", "20")
        driver = re.search(r'"driver":"([^"]+)"', told).group(1)

        def running(attempts):
            one = next(one for one in self.lab.status()["drivers"] if one["driver"] == driver)
            return one["state"] == "RUNNING" and one["attempts"] >= attempts

        wait_for("it runs", lambda: running(1), 30)
        wait_for("it has executors", self.executors, 30)
        drivers = [p for p in self.lab.processes_below("one", "two") if "--rounds" in pathlib.Path(f"/proc/{p}/cmdline").read_text()
                   and b"SALAMANDER_EXECUTOR" not in pathlib.Path(f"/proc/{p}/environ").read_bytes()]
        os.kill(drivers[0], signal.SIGKILL)
        wait_for("it runs again", lambda: running(2), 60)
        self.lab.ask("kill", driver)
        wait_for("it is over", lambda: next(one for one in self.lab.status()["drivers"] if one["driver"] == driver)["state"] == "KILLED", 30)
        self.nothing_left()

    def test_a_driver_that_its_worker_cannot_start_is_started_by_another_one(self):
        self.lab.start_master()
        self.lab.start_worker("one", cores=4)  # where a driver comes first
        self.lab.start_worker("two", cores=2)
        programs = self.lab.directory / "work-one" / "programs"
        programs.rmdir()
        programs.write_text("no program can be kept here\n")
        told = json.loads(self.lab.ask("submit", "--deploy-mode", "cluster", "--wait", "--json", TOUR, "--rounds", "2", "--pause", "1"))
        self.assertEqual((told["state"], told["attempts"]), ("FINISHED", 2), told)
        places = {one["worker"]: one["host"] for one in self.lab.status()["workers"]}
        self.assertEqual(places[told["worker"]], self.lab.hosts["two"].address)

    def test_a_driver_that_is_started_again_goes_on_from_what_was_done(self):
        self.start_cluster()
        kept = self.lab.directory / "shared"
        kept.mkdir()
        told = self.lab.ask("submit", "--deploy-mode", "cluster", "--supervise", "--json", RECOVERY, "", kept, "", "reduce")
        driver = re.search(r'"driver":"([^"]+)"', told).group(1)

        def state():
            return next(one for one in self.lab.status()["drivers"] if one["driver"] == driver)

        wait_for("it has ended", lambda: state()["state"] in ("FINISHED", "FAILED", "ERROR", "KILLED"), 90)
        said = self.lab.ask("logs", driver)
        self.assertEqual((state()["state"], state()["attempts"]), ("FINISHED", 2), said)
        self.assertIn("total 49995000 tasks 4 skipped 1", said)  # no task of the first stage
        self.assertIn("accumulators 10000 10000 10000", said)
        self.assertEqual(list((kept / "kept").iterdir()), [])
        self.nothing_left()


class Masters(ClusterCase):
    def test_a_job_does_not_notice_that_the_master_is_gone_and_comes_back(self):
        self.start_cluster()
        tour = self.tour(rounds=80)
        self.after_rounds(tour, 10)
        before = sorted(self.lab.processes_below("one", "two"))
        self.master.kill()
        time.sleep(3)
        begin = time.monotonic()
        self.lab.start_master()
        self.lab.status()
        print(f"a restarted master answered after {time.monotonic() - begin:.2f} s")
        wait_for("both workers are back", lambda: len([w for w in self.lab.status()["workers"] if w["state"] == "ALIVE"]) == 2, 20)
        self.assertEqual(sorted(self.lab.processes_below("one", "two")), before)
        self.finished(tour)
        self.assertNotIn("died", tour.text())
        self.nothing_left()

    def test_a_standby_takes_over_when_the_leader_is_killed(self):
        self.master = self.lab.start_master("master")
        standby = self.lab.start_master("standby")
        self.workers = {name: self.lab.start_worker(name) for name in ("one", "two")}
        tour = self.tour(rounds=80)
        self.after_rounds(tour, 10)
        before = sorted(self.lab.processes_below("one", "two"))
        self.master.kill()
        begin = time.monotonic()
        wait_for("the standby leads with both workers",
                 lambda: len([w for w in self.lab.status()["workers"] if w["state"] == "ALIVE"]) == 2, 20)
        print(f"fail-over took {time.monotonic() - begin:.2f} s")
        self.assertTrue(standby.running())
        self.assertEqual(sorted(self.lab.processes_below("one", "two")), before)
        second = self.tour("second", rounds=2, cores_max="1")
        self.finished(tour)
        self.finished(second)
        self.nothing_left()


@unittest.skipUnless(can_isolate(), "links are cut between network namespaces, which needs root")
class Links(ClusterCase):
    def cut_and_heal(self, host, seconds, **how):
        machine = self.lab.hosts[host]
        machine.cut(**how)
        time.sleep(seconds)
        machine.heal()

    def test_a_worker_that_is_cut_off_is_replaced_and_taken_back(self):
        self.start_cluster()
        tour = self.tour(rounds=150, executor_deadTimeout="2s", executor_suspectTimeout="1s", executor_heartbeatInterval="300ms")
        self.after_rounds(tour, 10)
        self.cut_and_heal("one", 12)
        wait_for("it is back", lambda: len([w for w in self.lab.status()["workers"] if w["state"] == "ALIVE"]) == 2, 60)
        self.finished(tour, 180)
        self.nothing_left()

    def test_a_link_that_is_cut_one_way_counts_as_cut(self):
        self.start_cluster()
        for way in ({"incoming": False}, {"outgoing": False}):
            tour = self.tour("tour-" + "-".join(way), rounds=120, executor_deadTimeout="2s", executor_suspectTimeout="1s",
                             executor_heartbeatInterval="300ms")
            self.after_rounds(tour, 10)
            self.cut_and_heal("two", 8, **way)
            self.finished(tour, 180)
        self.nothing_left()

    def test_a_leader_that_is_cut_off_stops_leading_and_another_one_takes_over(self):
        self.master = self.lab.start_master("master")
        self.lab.start_master("standby")
        self.workers = {name: self.lab.start_worker(name) for name in ("one", "two")}
        tour = self.tour(rounds=100)
        self.after_rounds(tour, 10)
        self.lab.hosts["master"].cut()
        wait_for("the standby leads", lambda: self.lab.hosts["standby"].address in self.lab.status()["master"], 40)
        self.lab.hosts["master"].heal()
        self.finished(tour, 180)
        self.nothing_left()


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
