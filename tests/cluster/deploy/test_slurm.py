"""The job script for Slurm, run by a real Slurm: a controller and two nodes, each a machine of its own by namespaces.

    test_slurm.py BUILD_DIRECTORY [unittest options]
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "scripts"))
from cluster_lab import Lab, can_isolate, wait_for

BUILD = pathlib.Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else pathlib.Path("build/release").resolve()
SCRIPT = pathlib.Path(__file__).resolve().parents[3] / "deploy/slurm/salamander.sbatch"
NODES = ["one", "two"]

CONFIGURATION = """
ClusterName=lab
SlurmctldHost=controller({controller})
AuthType=auth/munge
AuthInfo=socket={directory}/munge/socket
SlurmUser=root
SlurmdUser=root
StateSaveLocation={directory}/slurm/state
SlurmdSpoolDir={directory}/slurm/%n
SlurmctldPidFile={directory}/slurm/controller.pid
SlurmdPidFile={directory}/slurm/%n.pid
MpiDefault=none
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=sched_interval=1,batch_sched_delay=0
ReturnToService=2
KillWait=15
{nodes}
PartitionName=all Nodes=ALL Default=YES MaxTime=10 State=UP
"""


def why_not():
    missing = [name for name in ["munged", "slurmctld", "slurmd", "sbatch"] if not shutil.which(name)]
    if missing:
        return f"needs {', '.join(missing)}: scripts/setup --dev"
    return "" if can_isolate() else "needs root, for network namespaces"


class Slurm:
    """A Slurm with its own authentication; everything is below the lab's directory, and is gone with it."""

    def __init__(self, lab):
        self.lab = lab
        self.directory = lab.directory
        for name in ["munge", "slurm/state", "slurm/one", "slurm/two", "shared"]:
            (lab.directory / name).mkdir(parents=True)
        self.environment = {"SLURM_CONF": str(lab.directory / "slurm.conf"), "SALAMANDER": lab.tool,
                            "SALAMANDER_SHARED_DIR": str(lab.directory / "shared"), "PATH": os.environ["PATH"]}
        address = {name: host.address for name, host in lab.hosts.items()}
        nodes = "\n".join(f"NodeName={name} NodeAddr={address[name]} CPUs=2 RealMemory=4000 State=UNKNOWN" for name in NODES)
        (lab.directory / "slurm.conf").write_text(
            CONFIGURATION.format(directory=lab.directory, controller=address["controller"], nodes=nodes))
        # Nothing here is limited by control groups; the first version's plugin is content when there are none.
        (lab.directory / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        munge = lab.directory / "munge"
        (munge / "key").write_bytes(os.urandom(1024))
        (munge / "key").chmod(0o600)
        lab.directory.chmod(0o711)
        munge.chmod(0o755)
        lab.start("controller", "munged", ["munged", "--foreground", "--force", f"--socket={munge}/socket", f"--key-file={munge}/key",
                                           f"--pid-file={munge}/pid", f"--log-file={munge}/log", f"--seed-file={munge}/seed"])
        wait_for("munge answers", (munge / "socket").exists)
        self._start("controller", "slurmctld", "-D")
        for node in NODES:
            self._start(node, "slurmd", "-D")
        wait_for("both nodes are idle", lambda: self.run("sinfo", "-h", "-o", "%D %t", check=False).strip() == "2 idle", 60)

    def _start(self, host, *words):
        """On a machine that knows its own name and those of the others."""
        hosts = self.directory / "hosts"
        hosts.write_text("127.0.0.1 localhost\n" + "".join(f"{one.address} {name}\n" for name, one in self.lab.hosts.items()))
        inside = f'hostname {host} && mount --bind {hosts} /etc/hosts && exec "$@"'
        # Its own processes' identifiers: what a daemon leaves behind ends with it.
        return self.lab.start(host, f"{words[0]}-{host}", ["setpriv", "--pdeathsig", "KILL", "unshare", "--uts", "--mount", "--pid", "--fork",
                                                           "--mount-proc", "--kill-child=KILL", "bash", "-c", inside, "machine", *words],
                              self.environment)

    def run(self, *words, check=True):
        done = subprocess.run(self.lab.hosts["controller"].command([str(word) for word in words]), env={**os.environ, **self.environment},
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False, cwd=self.directory)
        assert not check or done.returncode == 0, f"{words}: {done.returncode} {done.stdout}{done.stderr}"
        return done.stdout

    def submit(self, *command, options=("--nodes=2", "--cpus-per-task=2", "--mem=3000")):
        """Returns the number of the job."""
        job = self.run("sbatch", "--parsable", *options, f"--output={self.directory}/job-%j.log", "--export=ALL", SCRIPT, *command).strip()
        return int(job)

    def output(self, job):
        log = self.directory / f"job-{job}.log"
        return log.read_text() if log.exists() else ""

    def state(self, job):
        fields = dict(re.findall(r"(\w+)=(\S+)", self.run("scontrol", "show", "job", job)))
        return fields["JobState"], fields["ExitCode"]

    def ended(self, job):
        wait_for(f"job {job} ends", lambda: self.state(job)[0] not in ["PENDING", "CONFIGURING", "RUNNING", "COMPLETING"], 90)
        return self.state(job)


@unittest.skipIf(why_not(), why_not())
class JobScript(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = Lab(BUILD / "apps/salamander", ["controller", *NODES]).__enter__()
        cls.addClassCleanup(lambda: cls.lab.__exit__(None, None, None))
        try:
            cls.slurm = Slurm(cls.lab)
        except BaseException:
            cls.lab.show_logs()
            raise

    def nothing_left(self, job):
        self.assertEqual(list((self.lab.directory / "shared").iterdir()), [])
        wait_for("no work directory is left", lambda: not list(pathlib.Path("/tmp").glob(f"salamander-{job}-*")), 10)

    def run_tour(self, *more, options=None, rounds=2, pause=20):
        words = [BUILD / "apps/cluster_tour", "--tasks", 8, "--pause", pause, "--rounds", rounds, *more]
        return self.slurm.submit(*words, **({"options": options} if options else {}))

    def test_an_allocation_becomes_a_cluster_of_all_its_nodes(self):
        job = self.run_tour(rounds=3)
        self.assertEqual(self.slurm.ended(job), ("COMPLETED", "0:0"), self.slurm.output(job))
        text = self.slurm.output(job)
        self.assertEqual(set(re.findall(r"^(10\.77\.0\.\d+) ", text, re.M)), {self.lab.hosts[node].address for node in NODES}, text)
        # What Slurm granted, less what is kept for the worker itself.
        self.assertEqual(text.count("offers 2 cores and 1976 MiB"), 2, text)
        self.nothing_left(job)

    def test_the_job_ends_with_the_exit_code_of_the_command(self):
        job = self.slurm.submit("bash", "-c", '"$SALAMANDER" status --json && exit 7', options=("--nodes=1", "--cpus-per-task=1"))
        self.assertEqual(self.slurm.ended(job), ("FAILED", "7:0"), self.slurm.output(job))
        self.assertIn('"ALIVE"', self.slurm.output(job))
        self.nothing_left(job)

    def test_a_cancelled_job_leaves_nothing(self):
        job = self.run_tour(rounds=500)
        wait_for("tasks run", lambda: "tasks " in self.slurm.output(job), 60)
        self.slurm.run("scancel", job)
        self.assertEqual(self.slurm.ended(job)[0], "CANCELLED", self.slurm.output(job))
        self.nothing_left(job)

    def test_a_call_without_a_command_says_what_is_missing(self):
        job = self.slurm.submit(options=("--nodes=1",))
        self.assertEqual(self.slurm.ended(job), ("FAILED", "1:0"))
        self.assertIn("no command: sbatch", self.slurm.output(job))
        self.nothing_left(job)

    def tearDown(self):
        result = self._outcome.result
        if result.errors or result.failures:
            self.lab.show_logs()


if __name__ == "__main__":
    unittest.main()
