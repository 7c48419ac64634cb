"""A standalone cluster on one machine: a network namespace for each host, real processes in them, and ways to hurt both.

Needs root for the namespaces; without it everything runs on loopback addresses, and links cannot be cut.
"""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

PROXY_PORT = 4177
PROXY_MARK = 4177


def wait_for(what, holds, limit=30.0):
    """Waits until holds() is true and returns its value; fails after `limit` seconds."""
    end = time.monotonic() + limit
    while True:
        value = holds()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {limit:.0f} s: {what}")
        time.sleep(0.02)


class Host:
    """A machine: an address, and a namespace if there are some."""

    def __init__(self, lab, name, number):
        self.lab = lab
        self.name = name
        self.namespace = f"{lab.prefix}{number}" if lab.isolated else None
        self.address = f"10.77.0.{number}" if lab.isolated else f"127.0.0.{number}"
        self.proxy = None

    def command(self, words):
        return ["ip", "netns", "exec", self.namespace, *words] if self.namespace else list(words)

    def run(self, *words, check=True):
        return subprocess.run(self.command(words), check=check, capture_output=True, text=True, timeout=60)

    def cut(self, incoming=True, outgoing=True):
        """Drops packets without telling anybody, as a dead switch does."""
        if incoming:
            self.run("iptables", "-A", "INPUT", "!", "-i", "lo", "-j", "DROP")
        if outgoing:
            self.run("iptables", "-A", "OUTPUT", "!", "-o", "lo", "-j", "DROP")

    def heal(self):
        self.run("iptables", "-F")
        if self.proxy:
            self.disturb("heal")

    def start_proxy(self):
        """Leads all connections that this machine makes to others through a proxy, which can disturb them."""
        words = [sys.executable, "-B", str(pathlib.Path(__file__).resolve().parent / "lab_proxy.py"), str(PROXY_PORT), str(PROXY_MARK)]
        self.proxy = subprocess.Popen(self.command(words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert self.proxy.stdout.readline() == "ready\n", "the proxy did not start"
        self.run("iptables", "-t", "nat", "-A", "OUTPUT", "-p", "tcp", "-o", "eth0", "-m", "mark", "!", "--mark", str(PROXY_MARK),
                 "-j", "REDIRECT", "--to-ports", str(PROXY_PORT))

    def disturb(self, *words):
        """Says a fault to the proxy: see there. Returns its answer."""
        self.proxy.stdin.write(" ".join(map(str, words)) + "\n")
        self.proxy.stdin.flush()
        return self.proxy.stdout.readline().strip()

    def stop_proxy(self):
        if self.proxy:
            self.proxy.stdin.close()
            self.proxy.kill()
            self.proxy.wait(30)
            self.proxy.stdout.close()
            self.proxy = None


class Process:
    """A process in a group of its own, with its output in a file."""

    def __init__(self, lab, host, name, words, environment=None):
        self.lab = lab
        self.host = host
        self.name = name
        self.log = lab.directory / f"{name}.log"
        settings = {key: value for key, value in os.environ.items() if not key.startswith("SALAMANDER_")}
        settings.update(environment or {})
        with open(self.log, "ab") as out:
            self.child = subprocess.Popen(host.command(words), stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                          env=settings, start_new_session=True, cwd=lab.directory)

    def running(self):
        return self.child.poll() is None

    def signal(self, number):
        # "ip netns exec" replaces itself by the program, so this is the program.
        self.child.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.child.wait(30)

    def stop(self, limit=40):
        if self.running():
            self.signal(signal.SIGTERM)
        return self.child.wait(limit)

    def wait(self, limit=120):
        return self.child.wait(limit)

    def text(self):
        return self.log.read_text(errors="replace")


def can_isolate():
    """Whether this process may make network namespaces and drop packets in them."""
    if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("iptables"):
        return False
    tried = subprocess.run(["unshare", "-n", "iptables", "-A", "INPUT", "-j", "DROP"], capture_output=True, check=False)
    return tried.returncode == 0 and os.access("/run", os.W_OK)


class Lab:
    """Hosts, credentials and processes; everything is gone after the block that uses it."""

    def __init__(self, tool, hosts, isolated=None):
        self.tool = str(pathlib.Path(tool).resolve())
        self.isolated = can_isolate() if isolated is None else isolated
        self.prefix = f"sl{os.getpid()}"
        self.names = hosts
        self.processes = []

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="salamander-lab-"))
        self.hosts = {name: Host(self, name, number) for number, name in enumerate(self.names, start=2)}
        try:
            if self.isolated:
                self._make_network()
            subprocess.run([self.tool, "keygen", str(self.directory / "keys")], check=True, capture_output=True, timeout=60)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind, *_):
        for process in self.processes:
            if process.running():
                process.signal(signal.SIGKILL)
                process.child.wait(30)
        for host in self.hosts.values():
            host.stop_proxy()
        if kind is not None:
            self.show_logs()
        if self.isolated:
            for name in [f"{self.prefix}{number}" for number in range(1, len(self.names) + 2)]:
                subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def show_logs(self):
        for log in sorted(self.directory.glob("*.log")):
            lines = log.read_text(errors="replace").splitlines()
            print(f"--- {log.name}", *lines[-30:], sep="\n")

    def _make_network(self):
        def ip(*words):
            subprocess.run(["ip", *words], check=True, capture_output=True, timeout=60)

        switch = f"{self.prefix}1"
        ip("netns", "add", switch)
        ip("-n", switch, "link", "add", "br0", "type", "bridge")
        ip("-n", switch, "link", "set", "br0", "up")
        for host in self.hosts.values():
            number = host.address.rsplit(".", 1)[1]
            ip("netns", "add", host.namespace)
            ip("-n", switch, "link", "add", f"port{number}", "type", "veth", "peer", "name", "eth0", "netns", host.namespace)
            ip("-n", switch, "link", "set", f"port{number}", "master", "br0", "up")
            ip("-n", host.namespace, "addr", "add", f"{host.address}/24", "dev", "eth0")
            ip("-n", host.namespace, "link", "set", "eth0", "up")
            ip("-n", host.namespace, "link", "set", "lo", "up")

    # -- processes ------------------------------------------------------------

    def start(self, host, name, words, environment=None):
        process = Process(self, self.hosts[host], name, [str(word) for word in words], environment)
        self.processes.append(process)
        return process

    def master_url(self, *hosts):
        return "salamander://" + ",".join(f"{self.hosts[host].address}:7077" for host in hosts or self.masters)

    def start_master(self, host="master", **options):
        """Starts a master and waits until it answers; it keeps its state in a directory that all masters share."""
        self.masters = getattr(self, "masters", [])
        if host not in self.masters:
            self.masters.append(host)
        ready = self.directory / f"{host}.ready"
        ready.unlink(missing_ok=True)
        words = [self.tool, "master", "--host", self.hosts[host].address, "--port", "7077", "--credentials", self.directory / "keys" / "node",
                 "--recovery-dir", self.directory / "recovery", "--ready-file", ready]
        for key, value in options.items():
            words += ["--" + key.replace("_", "-"), value]
        process = self.start(host, host, words)
        wait_for(f"{host} is ready", lambda: ready.exists() or not process.running())
        assert process.running(), f"{host} ended: {process.text()}"
        return process

    def start_worker(self, host, cores=2, memory="2g", name=None, wait=True, **options):
        name = name or host
        ready = self.directory / f"{name}.ready"
        ready.unlink(missing_ok=True)
        words = [self.tool, "worker", self.master_url(), "--cores", cores, "--memory", memory, "--work-dir", self.directory / f"work-{name}",
                 "--credentials", self.directory / "keys" / "node", "--client-credentials", self.directory / "keys" / "client",
                 "--ready-file", ready]
        for key, value in options.items():
            words += ["--" + key.replace("_", "-"), value]
        process = self.start(host, name, words)
        if wait:
            wait_for(f"{name} is ready", lambda: ready.exists() or not process.running())
            assert process.running(), f"{name} ended: {process.text()}"
        return process

    def driver_environment(self, **settings):
        lines = {"salamander.executor.memory": "512m", "salamander.log.level": "info"}
        lines.update({f"salamander.{key}": value for key, value in settings.items()})
        return {"SALAMANDER_MASTER": self.master_url(), "SALAMANDER_CREDENTIALS": str(self.directory / "keys" / "client"),
                "SALAMANDER_CONF": "\n".join(f"{key}={value}" for key, value in lines.items())}

    def start_driver(self, name, words, host="driver", **settings):
        return self.start(host, name, words, self.driver_environment(**{key.replace("_", "."): value for key, value in settings.items()}))

    # -- questions ------------------------------------------------------------

    def ask(self, *words, host="driver", check=True, limit=60):
        """Runs the tool; returns what it printed."""
        done = subprocess.run(self.hosts[host].command([self.tool, *map(str, words)]), capture_output=True, text=True, timeout=limit,
                              env=dict(os.environ, **self.driver_environment()), check=False)
        if check and done.returncode != 0:
            raise AssertionError(f"{words} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    def status(self):
        return json.loads(self.ask("status", "--json"))

    def processes_below(self, *names):
        """Process ids of everything that runs a program out of a worker's directory."""
        found = []
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                program = os.readlink(entry / "exe")
            except OSError:
                continue
            if any(program.startswith(str(self.directory / f"work-{name}")) for name in names):
                found.append(int(entry.name))
        return found
