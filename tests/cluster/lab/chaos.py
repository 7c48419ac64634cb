"""Chaos on a cluster: two masters, two workers, drivers of both kinds, launchers and executors, killed, stopped, cut off and healed as a seed says.

    chaos.py BUILD_DIRECTORY [--seed N] [--minutes M | --episodes N] [--first-episode N] [--plan]

An episode: jobs are submitted while faults happen; then all is healed, and within 30 s everything has to be as it should.
"""

import argparse
import collections
import datetime
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "scripts"))
import chaos_plan
from chaos_plan import CLIENT, MASTERS, WORKERS
from cluster_lab import Lab, can_isolate, wait_for

HEAL_MAX = 30
LEASE_SECONDS = 2.0
LAUNCHED = "job 1"  # what launch_jobs calls the first of them


class Broken(Exception):
    """Something that must hold does not."""


def check(holds, text):
    if not holds:
        raise Broken(text)


class Job:
    """A driver that was submitted, and what was done to it."""

    def __init__(self, kind, name):
        self.kind = kind
        self.name = name
        self.process = None  # of a client, or of the tool that submits
        self.driver = None  # its identifier, once the cluster has said it
        self.killed = False
        self.asked_to_end = False
        self.output = None


class Chaos:
    def __init__(self, build, seed):
        self.apps = build / "apps"
        self.seed = seed
        self.lab = Lab(self.apps / "salamander", [CLIENT, *MASTERS, *WORKERS])
        self.running = {}
        self.jobs = []  # of this episode
        self.submitted = 0
        self.done = collections.Counter()
        self.idle = collections.Counter()
        self.ends = collections.Counter()
        self.slowest = 0.0
        self.starts = collections.Counter()
        self.stopped_at = {}  # (master, when): it says that it leads no more only when it goes on
        self.healers = []
        self.lock = threading.Lock()

    # -- the cluster ----------------------------------------------------------

    def begin(self):
        lab = self.lab
        lab.masters = list(MASTERS)
        if lab.isolated:
            for name in (*WORKERS, CLIENT):
                lab.hosts[name].start_proxy()
        for name in (*MASTERS, *WORKERS):
            self.start(name)
        text = random.Random(1)
        self.words = lab.directory / "words"
        self.words.write_text("\n".join(" ".join(f"w{int(200 * text.random() ** 3)}" for _ in range(10)) for _ in range(3000)))
        self.records = lab.directory / "records"
        local = dict(os.environ, SALAMANDER_MASTER="local[2]")
        run = lambda *words: subprocess.run([str(word) for word in words], env=local, check=True, capture_output=True, text=True, timeout=120)
        run(self.apps / "tera_sort", "generate", 5000, self.records)
        self.word_sum = checksum_of(run(self.apps / "word_count", self.words, "--json").stdout)
        run(self.apps / "tera_sort", "sort", self.records, lab.directory / "sorted")
        self.sorted = content_of(lab.directory / "sorted")

    def start(self, name):
        """A master or worker, which need not find anybody yet."""
        self.starts[name] += 1
        life = f"{name}-{self.starts[name]}"
        if name in MASTERS:
            words = ["master", "--host", self.lab.hosts[name].address, "--port", 7077, "--recovery-dir", self.lab.directory / "recovery"]
        else:
            words = ["worker", self.lab.master_url(), "--cores", 3, "--memory", "3g", "--work-dir", self.lab.directory / f"work-{life}",
                     "--client-credentials", self.lab.directory / "keys" / "client", "--grace", "5s"]
        words += ["--credentials", self.lab.directory / "keys" / "node"]
        self.running[name] = self.lab.start(name, life, [self.lab.tool, *words])

    # -- jobs -----------------------------------------------------------------

    def submit(self, kind, number):
        self.submitted += 1
        job = Job(kind, f"job-{self.submitted}")
        self.jobs.append(job)
        rounds = 3 + number % 12
        settings = {"cores_max": "2", "executor_cores": "1"}
        if number % 3 == 0:
            settings.update(executor_heartbeatInterval="300ms", executor_suspectTimeout="1s", executor_deadTimeout="2s")
        tour = [self.apps / "cluster_tour", "--tasks", 6, "--pause", 30, "--rounds", rounds]
        if kind == "client tour":
            job.process = self.lab.start_driver(job.name, tour, **settings)
        elif kind == "client words":
            job.process = self.lab.start_driver(job.name, [self.apps / "word_count", self.words, "--json"], **settings)
        elif kind == "client sort":
            job.output = self.lab.directory / f"{job.name}-sorted"
            job.process = self.lab.start_driver(job.name, [self.apps / "tera_sort", "sort", self.records, job.output], **settings)
        elif kind == "launched words":
            self.launch(job, [self.apps / "word_count", self.words, "--json"], **settings)
        elif kind == "launched tour":
            self.launch(job, tour, "--on-cluster", "--supervise", **settings)
        else:
            words = ["submit", "--deploy-mode", "cluster", "--json", "--executor-memory", "512m", "--total-executor-cores", 2, "--executor-cores", 1]
            words += ["--driver-memory", "256m"]
            program = tour if kind == "cluster tour" else [self.apps / "cluster_tour", "--no-such-option"]
            words += ["--supervise"] if kind == "cluster tour" else []
            job.process = self.lab.start(CLIENT, job.name, [self.lab.tool, *words, *program], self.lab.driver_environment())

    def launch(self, job, program, *options, **settings):
        words = ["--master", self.lab.master_url(), "--credentials", self.lab.directory / "keys" / "client", "--times", 1, *options]
        for key, value in dict(settings, executor_memory="512m").items():
            words += ["--conf", f"salamander.{key.replace('_', '.')}={value}"]
        job.process = self.lab.start(CLIENT, job.name, [self.apps / "launch_jobs", *words, *program])

    def submitters(self, kind):
        return [job for job in self.jobs if job.kind.startswith(kind) and job.process.running() and not job.killed]

    def on_cluster(self):
        for job in self.jobs:
            if job.kind.startswith("cluster") and not job.driver:
                told = re.search(r'"driver":"([^"]+)"', job.process.text())
                job.driver = told and told.group(1)
        return [job for job in self.jobs if job.driver]

    def processes(self, drivers):
        """Ids of driver or executor processes below the workers."""
        found = []
        for process in self.lab.processes_below(*(f"{name}-" for name in WORKERS)):
            try:
                executor = b"SALAMANDER_EXECUTOR" in pathlib.Path(f"/proc/{process}/environ").read_bytes()
            except OSError:
                continue
            if executor != drivers:
                found.append(process)
        return sorted(found)

    # -- faults ---------------------------------------------------------------

    def heal_later(self, seconds, heal):
        timer = threading.Timer(seconds, heal)
        timer.start()
        self.healers.append(timer)

    def hurt(self, step):
        """Does what the step says. False: there is nobody to do it to."""
        kind, who = step.what.split(" ", 1) if " " in step.what else (step.what, "")
        if step.what in chaos_plan.LINK_FAULTS:
            return self.hurt_link(step)
        if step.who in self.running:
            return self.hurt_node(kind, step)
        if step.what in ("kill client", "kill launcher"):
            job = chosen(self.submitters("client" if who == "client" else "launched"), step.number)
            if job:
                job.killed = True
                job.process.kill()
            return job
        if step.what == "kill by request":
            return self.ask_to_end(step)
        process = chosen(self.processes(drivers=who == "cluster driver"), step.number)
        if not process:
            return False
        send(process, signal.SIGKILL if kind == "kill" else signal.SIGSTOP)
        if kind == "stop":
            self.heal_later(step.lasts, lambda: send(process, signal.SIGCONT))
        return True

    def ask_to_end(self, step):
        job = chosen([one for one in self.on_cluster() if one.kind == "cluster tour" and not one.asked_to_end], step.number)
        if not job:
            return False
        job.asked_to_end = True
        self.lab.start(CLIENT, f"kill-{job.name}", [self.lab.tool, "kill", job.driver], self.lab.driver_environment())
        return True

    def hurt_node(self, kind, step):
        process = self.running[step.who]
        if not process.running() or getattr(process, "hurt", False):
            return False
        process.hurt = True  # until it is another process, or goes on
        if kind == "stop":
            self.stopped_at.setdefault(process.name, []).append(time.time())
            process.signal(signal.SIGSTOP)

            def go_on():
                process.signal(signal.SIGCONT)
                process.hurt = False

            self.heal_later(step.lasts, go_on)
            return True
        process.signal(signal.SIGKILL if kind == "kill" else signal.SIGTERM)
        if kind == "kill":
            process.ended_at = time.time()

        def again():
            process.wait(HEAL_MAX)
            self.start(step.who)

        self.heal_later(step.lasts, again)
        return True

    def hurt_link(self, step):
        host = self.lab.hosts[step.who]
        with self.lock:
            if getattr(host, "hurt", False):
                return False
            if step.what == "reset":
                return host.disturb("reset", ("ONE", "ALL")[step.number % 2]) != "0"
            host.hurt = True
            if step.what.startswith("cut"):
                host.cut(incoming=step.what != "cut outgoing", outgoing=step.what != "cut incoming")
            elif step.what == "delay":
                host.disturb("delay", 50 + step.number % 450)
            elif step.what == "drip":
                host.disturb("drip", 64 + step.number % 1000, 2 + step.number % 10)
            else:
                host.disturb("stall")

        def heal():
            with self.lock:
                host.heal()
                host.hurt = False

        self.heal_later(step.lasts, heal)
        return True

    # -- an episode -----------------------------------------------------------

    def episode(self, number):
        begin = time.monotonic()
        for step in chaos_plan.plan(self.seed, number, self.lab.isolated):
            time.sleep(max(0.0, begin + step.at - time.monotonic()))
            if step.what.startswith("submit "):
                self.submit(step.what.removeprefix("submit "), step.number)
            else:
                (self.done if self.hurt(step) else self.idle)[step.what] += 1
        for healer in self.healers:
            healer.join()
        self.healers.clear()
        self.recovers()
        self.check_jobs()
        self.check_masters()
        self.nothing_left()
        self.jobs.clear()

    def recovers(self):
        healed = time.monotonic()

        def whole():
            try:
                alive = [one for one in self.lab.status()["workers"] if one["state"] == "ALIVE"]
            except (AssertionError, subprocess.TimeoutExpired):
                return False
            return len(alive) == len(WORKERS)

        wait_for("a master leads both workers", whole, HEAL_MAX)
        self.submit("client words", 0)
        last = self.jobs[-1]
        wait_for("a new job runs", lambda: not last.process.running(), max(1.0, healed + HEAL_MAX - time.monotonic()))
        self.slowest = max(self.slowest, time.monotonic() - healed)

    def check_jobs(self):
        for job in self.jobs:
            code = job.process.wait(60)
            if job.killed:
                self.ends["clients killed" if job.kind.startswith("client") else "launchers killed"] += 1
                continue
            check(code == 0, f"{job.name} ({job.kind}) ended with {code}: {job.process.text()[-3000:]}")
            if job.kind in ("client words", "launched words"):
                check(checksum_of(job.process.text()) == self.word_sum, f"{job.name}: wrong sum: {job.process.text()}")
            elif job.kind == "client sort":
                check(content_of(job.output) == self.sorted, f"{job.name}: {job.output} is wrong")
            self.ends[f"{job.kind}: right"] += 1
        self.check_submitted()

    def check_submitted(self):
        submitted = self.on_cluster()
        check(len(submitted) == len([job for job in self.jobs if job.kind.startswith("cluster")]), "a submission was not answered")
        drivers = {}

        def over():
            drivers.update({one["driver"]: one for one in self.lab.status()["drivers"]})
            for job in submitted:
                check(job.driver in drivers, f"{job.driver} was submitted, and the cluster does not know it")
            return all(one["state"] in ("FINISHED", "FAILED", "KILLED", "ERROR") for one in drivers.values())

        wait_for("drivers on the cluster are over", over, 60)
        # They go on when their launcher is killed.
        for one in drivers.values():
            check(one["name"] != LAUNCHED or one["state"] == "FINISHED", f"a launched driver is {one['state']}: {one}")
        for job in submitted:
            one = drivers[job.driver]
            # One whose worker died is not said to have failed by itself.
            may_be = ["FAILED", "ERROR"] if job.kind == "cluster failing" else ["FINISHED"]
            may_be += ["KILLED"] if job.asked_to_end else []
            check(one["state"] in may_be, f"{job.name} ({job.kind}) is {one['state']}, not {may_be}: {one}")
            self.ends[f"{job.kind}: {one['state']}"] += 1

    def check_masters(self):
        """No term has two leaders, and no two lead at a time. A stopped one stops leading by the clock, and says so when it wakes."""
        leading = []
        for process in self.lab.processes:
            if process.host.name not in MASTERS or not process.log.exists():
                continue
            began = None
            for line in process.text().splitlines():
                when = time_of(line)
                if found := re.search(r"leading \(term (\d+)\)", line):
                    began = (int(found.group(1)), when)
                elif ("leads no more" in line or "ends: signal" in line) and began:
                    leading.append((*began, when, process))
                    began = None
                check(" E salamander master" not in line or "lease" in line, f"{process.name} says: {line}")
            if began:
                leading.append((*began, getattr(process, "ended_at", time.time()), process))
        leading.sort(key=lambda one: one[0])
        for (term, begin, _, _), (after, then, _, _) in zip(leading, leading[1:]):
            check(term < after, f"term {term} was led twice")
            check(begin <= then, f"term {after} began before term {term}")
        for (term, begin, end, who), (after, then, _, _) in zip(leading, leading[1:]):
            stops = [at + LEASE_SECONDS for at in self.stopped_at.get(who.name, []) if begin <= at]
            check(min([end, *stops]) <= then + 0.05, f"term {after} began at {then}, when term {term} had not ended ({end})")

    def nothing_left(self):
        wait_for("no process of an application is left", lambda: not self.lab.processes_below(*(f"{name}-" for name in WORKERS)), HEAL_MAX)
        living = [self.running[name].name for name in WORKERS]
        keys = lambda: [path for life in living for path in self.lab.directory.glob(f"work-{life}/**/executor.key")]
        wait_for("no key is left", lambda: not keys(), HEAL_MAX)
        for name in MASTERS:
            check(self.running[name].running(), f"{name} has ended: {self.running[name].text()[-2000:]}")

    def end(self):
        for name in (*WORKERS, *MASTERS):
            code = self.running[name].stop()
            check(code == 0, f"{name} ended with {code}: {self.running[name].text()[-2000:]}")
        # Whoever comes next can read what is left.
        self.start(MASTERS[0])
        self.lab.status()
        self.check_masters()


def checksum_of(text):
    found = re.search(r'"checksum": ("?[^",}]+"?)', text)
    return found and found.group(1)


def content_of(output):
    return b"".join(part.read_bytes() for part in sorted(output.glob("part-*")))


def time_of(line):
    try:
        return datetime.datetime.strptime(line[:23], "%Y-%m-%d %H:%M:%S.%f").timestamp()
    except ValueError:
        return 0.0


def chosen(all, number):
    return all[number % len(all)] if all else None


def send(process, number):
    try:
        os.kill(process, number)
    except ProcessLookupError:
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, help="as many episodes as begin within this time")
    parser.add_argument("--episodes", type=int, default=1)
    parser.add_argument("--first-episode", type=int, default=0)
    parser.add_argument("--plan", action="store_true", help="say what would be done")
    asked = parser.parse_args()
    if asked.plan:
        for number in range(asked.first_episode, asked.first_episode + asked.episodes):
            print(f"episode {number}", *(step.text() for step in chaos_plan.plan(asked.seed, number, can_isolate())), sep="\n")
        return 0
    chaos = Chaos(asked.build.resolve(), asked.seed)
    begin = time.monotonic()
    number = asked.first_episode
    with chaos.lab:
        try:
            chaos.begin()
            while (time.monotonic() - begin < 60 * asked.minutes) if asked.minutes else (number < asked.first_episode + asked.episodes):
                chaos.episode(number)
                number += 1
            chaos.end()
        except (Broken, AssertionError) as broken:
            for healer in chaos.healers:
                healer.join()
            chaos.lab.show_logs()
            print(f"broken in episode {number}: {broken}\nagain: --seed {asked.seed} --first-episode {number} --episodes 1")
            return 1
    print(f"seed {asked.seed}: {number - asked.first_episode} episodes in {time.monotonic() - begin:.0f} s, "
          f"slowest recovery {chaos.slowest:.1f} s, {sum(chaos.done.values())} faults")
    for name, counts in (("done", chaos.done), ("nobody there", chaos.idle), ("jobs", chaos.ends)):
        print(f"  {name}: " + ", ".join(f"{kind} {times}" for kind, times in sorted(counts.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
