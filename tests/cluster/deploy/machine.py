"""A machine with systemd as its process 1: namespaces, a cgroup, and a root of its own in memory."""

import os
import pathlib
import pty
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "scripts"))
from cluster_lab import wait_for

SYSTEMD = "/usr/lib/systemd/systemd"


def unified_cgroups():
    """Where the second version of control groups is mounted, or None."""
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            words = line.split()
            if words[2] == "cgroup2":
                return pathlib.Path(words[1])
    return None


def why_no_machine():
    """Why no machine can be started here, or an empty text."""
    if os.geteuid() != 0:
        return "needs root"
    for program in [SYSTEMD, "unshare", "nsenter", "setpriv", "ip"]:
        if not shutil.which(program):
            return f"needs {program}"
    tried = subprocess.run(["unshare", "--mount", "--pid", "--net", "--cgroup", "--ipc", "--uts", "--fork", "true"], capture_output=True,
                           text=True, check=False)
    if tried.returncode != 0:
        return "cannot make namespaces: " + tried.stderr.strip()
    groups = unified_cgroups()
    if not groups:
        return "there are no unified control groups"
    try:
        probe = groups / f"salamander-probe-{os.getpid()}"
        probe.mkdir()
        probe.rmdir()
    except OSError as failure:
        return f"cannot make a control group: {failure}"
    return ""


class Machine:
    """Boots at the begin of the block that uses it; all its processes and files are gone at its end."""

    def __init__(self, **seen):
        """seen: directories of this machine by their names in /opt of the new one."""
        self.seen = [f"{source}=/opt/{name}" for name, source in seen.items()]

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="salamander-machine-"))
        self.group = unified_cgroups() / f"salamander-machine-{os.getpid()}"
        self.text = b""
        self.first = None
        try:
            self._boot()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _boot(self):
        self.group.mkdir()
        ours, theirs = pty.openpty()
        # Nothing outlives this process, however that ends.
        words = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--net", "--cgroup", "--ipc", "--uts", "--fork",
                 "--kill-child=KILL", pathlib.Path(__file__).with_name("boot_machine"), self.directory, os.ttyname(theirs), *self.seen]

        def enter():
            (self.group / "cgroup.procs").write_text("0")

        self.first = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, preexec_fn=enter)
        os.close(theirs)
        self.reader = threading.Thread(target=self._read, args=(ours,), daemon=True)
        self.reader.start()
        children = pathlib.Path(f"/proc/{self.first.pid}/task/{self.first.pid}/children")
        wait_for("the machine has a process 1", lambda: self.first.poll() is not None or children.read_text().split())
        assert self.first.poll() is None, self.console()
        self.pid = children.read_text().split()[0]
        wait_for("systemd runs: " + self.console(),
                 lambda: self.run("systemctl", "is-system-running", check=False).stdout.strip() in ["running", "degraded"])

    def _read(self, terminal):
        try:
            while piece := os.read(terminal, 4096):
                self.text += piece
        except OSError:
            pass  # nobody has the other end open any more
        os.close(terminal)

    def console(self):
        return self.text.decode(errors="replace")

    def __exit__(self, *_):
        if self.first:
            self.first.send_signal(signal.SIGKILL)  # its child dies with it, and all processes with that
            self.first.wait(30)
        wait_for("the machine's processes are gone", lambda: "populated 0" in (self.group / "cgroup.events").read_text())
        for group in sorted(self.group.glob("**/"), reverse=True):
            group.rmdir()
        self.directory.rmdir()

    def command(self, *words):
        return ["nsenter", "--target", self.pid, "--mount", "--pid", "--net", "--cgroup", "--ipc", "--uts", *[str(word) for word in words]]

    def run(self, *words, check=True, limit=60, environment=None):
        settings = {"PATH": "/usr/sbin:/usr/bin", "LC_ALL": "C.UTF-8", **(environment or {})}
        done = subprocess.run(self.command(*words), stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit, env=settings,
                              check=False)
        assert not check or done.returncode == 0, f"{words}: {done.returncode} {done.stdout}{done.stderr}"
        return done

    def path(self, inside):
        """A file of the machine, seen from here."""
        return pathlib.Path(f"/proc/{self.pid}/root{inside}")
