"""The units for systemd: verified, run by a real systemd, and what they rely on tried with a socket of the test.

    test_systemd.py BUILD_DIRECTORY [unittest options]
"""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from machine import Machine, wait_for, why_no_machine

BUILD = pathlib.Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else pathlib.Path("build/release").resolve()
MASTER = "salamander-master.service"
WORKER = "salamander-worker.service"
CLIENT = {"SALAMANDER_MASTER": "salamander://127.0.0.1:7077", "SALAMANDER_CREDENTIALS": "/etc/salamander/client"}
MEMORY = "salamander.executor.memory=512m"


def install(directory, prefix=None):
    """Installs what a machine of a cluster needs: into the directory, or with the prefix below the directory."""
    words = ["cmake", "--install", BUILD, "--component", "runtime", "--prefix", prefix or directory]
    settings = {**os.environ, "DESTDIR": str(directory)} if prefix else os.environ
    subprocess.run(words, env=settings, check=True, capture_output=True, timeout=60)


class Units(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="salamander-units-"))
        self.addCleanup(shutil.rmtree, self.directory)

    @unittest.skipUnless(shutil.which("systemd-analyze"), "needs systemd-analyze")
    def test_systemd_finds_nothing_wrong_with_them(self):
        install(self.directory)
        units = sorted((self.directory / "lib/systemd/system").glob("*.service"))
        self.assertEqual([unit.name for unit in units], [MASTER, WORKER])
        verified = subprocess.run(["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", *units], capture_output=True, text=True,
                                  timeout=60, check=False)
        self.assertEqual((verified.returncode, verified.stderr), (0, ""))

    def test_they_name_no_secret(self):
        install(self.directory)
        for unit in (self.directory / "lib/systemd/system").glob("*.service"):
            text = unit.read_text()
            self.assertNotIn("@", text.replace("@system-service", ""))  # everything was filled in
            self.assertNotRegex(text, r"(?i)password|token|[a-z]secret")

    def test_a_master_and_a_worker_say_when_they_are_ready_and_when_they_end(self):
        """What Type=notify relies on, without systemd."""
        tool = BUILD / "apps/salamander"
        subprocess.run([tool, "keygen", self.directory / "keys"], check=True, capture_output=True, timeout=60)
        common = {"PATH": os.environ["PATH"], "SALAMANDER_CREDENTIALS": str(self.directory / "keys/node")}
        ready_master = self.start("master", tool, {**common, "SALAMANDER_MASTER_PORT": "0"})
        status = ready_master.told("READY=1")
        url = next(word for word in status.split() if word.startswith("salamander://")).rstrip(",")
        worker = self.start("worker", tool, {**common, "SALAMANDER_MASTER": url, "SALAMANDER_WORKER_DIR": str(self.directory / "work"),
                                             "SALAMANDER_WORKER_CORES": "1", "SALAMANDER_WORKER_MEMORY": "1g"})
        worker.told("READY=1")
        for one in [worker, ready_master]:
            one.child.send_signal(signal.SIGTERM)
            one.told("STOPPING=1")
            self.assertEqual(one.child.wait(30), 0)

    def start(self, command, tool, environment):
        one = Notified(self.directory / f"{command}.notify", [tool, command], environment)
        self.addCleanup(one.close)
        return one


class Notified:
    """A process that is told a socket of the test as its service manager's."""

    def __init__(self, path, words, environment):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(30)
        self.child = subprocess.Popen(words, env={**environment, "NOTIFY_SOCKET": str(path)}, stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=path.parent)

    def told(self, line):
        while True:
            text = self.socket.recv(4096).decode()
            if line in text.splitlines():
                return text

    def close(self):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait(30)
        self.socket.close()


@unittest.skipIf(why_no_machine(), "no machine with systemd: " + why_no_machine())
class RunBySystemd(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.directory = pathlib.Path(tempfile.mkdtemp(prefix="salamander-units-"))
        cls.addClassCleanup(shutil.rmtree, cls.directory)
        install(cls.directory, "/opt/salamander")
        (cls.directory / "input").mkdir()
        (cls.directory / "input/text").write_text("one two two three three three\n" * 1000)
        cls.machine = Machine(salamander=cls.directory / "opt/salamander", apps=BUILD / "apps", input=cls.directory / "input")
        cls.machine.__enter__()
        cls.addClassCleanup(cls.machine.__exit__)
        cls.set_up_as_documented()

    @classmethod
    def set_up_as_documented(cls):
        for line in """
            cp /opt/salamander/lib/systemd/system/salamander-master.service /opt/salamander/lib/systemd/system/salamander-worker.service
               /etc/systemd/system/
            systemd-sysusers /opt/salamander/lib/sysusers.d/salamander.conf
            install -d /etc/salamander
            /opt/salamander/bin/salamander keygen /root/keys
            cp -r /root/keys/node /root/keys/client /opt/salamander/share/salamander/deploy/systemd/master.env
               /opt/salamander/share/salamander/deploy/systemd/worker.env /etc/salamander/
            chown -R salamander: /etc/salamander/node /etc/salamander/client
            systemctl daemon-reload
            """.replace("\n               ", " ").strip().splitlines():
            cls.machine.run(*line.split())
        with open(cls.machine.path("/etc/salamander/worker.env"), "a", encoding="utf-8") as settings:
            settings.write("SALAMANDER_WORKER_CORES=2\nSALAMANDER_WORKER_MEMORY=2g\nSALAMANDER_WORKER_GRACE=2s\n"
                           "SALAMANDER_CLIENT_CREDENTIALS=/etc/salamander/client\n")

    def setUp(self):
        troubles = len(self._outcome.result.errors) + len(self._outcome.result.failures)
        self.addCleanup(lambda: self.show_journal(troubles))
        self.machine.run("systemctl", "start", MASTER, WORKER)  # returns when both have said that they are ready

    def show_journal(self, before):
        result = self._outcome.result
        if len(result.errors) + len(result.failures) > before:
            print(self.machine.run("journalctl", "--no-pager", "-o", "cat", "-n", "80", check=False).stdout)

    def shown(self, unit, name):
        return self.machine.run("systemctl", "show", "--value", "-p", name, unit).stdout.strip()

    def status(self):
        said = self.machine.run("/opt/salamander/bin/salamander", "status", "--json", environment=CLIENT).stdout
        return json.loads(said)

    def processes(self, unit):
        listed = self.machine.path(f"/sys/fs/cgroup/system.slice/{unit}/cgroup.procs")
        return listed.read_text().split() if listed.exists() else []

    def start_tour(self):
        """A job of many short rounds, in the background."""
        environment = [f"--setenv={name}={value}" for name, value in {**CLIENT, "SALAMANDER_CONF": MEMORY}.items()]
        self.machine.run("systemd-run", "--unit=tour", "--collect", *environment, "/opt/apps/cluster_tour", "--tasks", "8", "--pause", "50",
                         "--rounds", "200")
        self.addCleanup(self.machine.run, "systemctl", "stop", "tour.service", check=False)
        wait_for("an executor runs", lambda: len(self.processes(WORKER)) > 1)

    def test_a_job_runs_on_the_units(self):
        self.assertEqual(self.shown(MASTER, "ActiveState"), "active")
        self.assertEqual(self.shown(WORKER, "ActiveState"), "active")
        self.assertIn("leading", self.shown(MASTER, "StatusText"))
        self.machine.run("install", "-d", "-o", "salamander", "/srv/results")
        self.machine.run("setpriv", "--reuid=salamander", "--regid=salamander", "--clear-groups", "/opt/apps/word_count", "/opt/input/text", "--output",
                         "/srv/results/counts", environment={**CLIENT, "SALAMANDER_CONF": MEMORY})
        written = "".join(part.read_text() for part in self.machine.path("/srv/results/counts").glob("part-*"))
        self.assertEqual(sorted(written.split("\n")), ["", "(one,1000)", "(three,3000)", "(two,2000)"])

    def test_a_driver_runs_and_its_logs_outlive_the_worker(self):
        tool = "/opt/salamander/bin/salamander"
        said = self.machine.run(tool, "submit", "--deploy-mode", "cluster", "--wait", "/opt/apps/cluster_tour", "--tasks", "4", "--rounds", "1",
                                environment={**CLIENT, "SALAMANDER_CONF": MEMORY})
        driver = re.search(r"driver-[\d-]+", said.stdout + said.stderr)[0]
        logs = self.machine.run(tool, "logs", driver, environment=CLIENT).stdout
        self.assertIn("127.0.0.1", logs)
        self.machine.run("systemctl", "restart", WORKER)
        self.assertEqual(self.machine.run(tool, "logs", driver, environment=CLIENT).stdout, logs)

    def test_a_worker_that_is_stopped_hands_over_and_leaves_nothing(self):
        self.start_tour()
        self.machine.run("systemctl", "stop", WORKER)
        self.assertEqual(self.shown(WORKER, "Result"), "success")
        self.assertEqual(self.shown(WORKER, "ExecMainStatus"), "0")
        self.assertEqual(self.processes(WORKER), [])
        self.assertEqual(list(self.machine.path("/var/lib/salamander/worker").glob("**/executor.key")), [])
        self.assertEqual(list(self.machine.path("/tmp").glob("systemd-private-*-salamander-worker.service-*")), [])

    def test_a_worker_that_is_killed_takes_its_executors_with_it_and_is_started_again(self):
        self.start_tour()
        before = set(self.processes(WORKER))
        first = self.shown(WORKER, "MainPID")
        self.machine.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", WORKER)
        wait_for("another worker is ready",
                 lambda: self.shown(WORKER, "MainPID") not in ["0", first] and self.shown(WORKER, "ActiveState") == "active")
        self.assertFalse(before & set(self.processes(WORKER)))

    def test_a_master_that_is_killed_is_started_again_and_the_worker_finds_it(self):
        first = self.shown(MASTER, "MainPID")
        worker = self.shown(WORKER, "MainPID")
        self.machine.run("systemctl", "kill", "--kill-whom=main", "--signal=KILL", MASTER)
        wait_for("another master is ready",
                 lambda: self.shown(MASTER, "MainPID") not in ["0", first] and self.shown(MASTER, "ActiveState") == "active")
        wait_for("the worker is back", lambda: any(one["state"] == "ALIVE" for one in self.status()["workers"]))
        self.assertEqual(self.shown(WORKER, "MainPID"), worker)

    def test_no_process_of_a_unit_is_root_or_sees_the_authority(self):
        for unit in [MASTER, WORKER]:
            status = self.machine.path(f"/proc/{self.shown(unit, 'MainPID')}/status").read_text()
            fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
            self.assertNotIn("0", fields["Uid"].split())
            self.assertEqual(fields["CapEff"].strip("0"), "")
            self.assertEqual(fields["NoNewPrivs"], "1")


if __name__ == "__main__":
    unittest.main()
