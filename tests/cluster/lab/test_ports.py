"""Every port of every process of a standalone cluster, and what strangers get from it.

    test_ports.py BUILD_DIRECTORY [unittest options]
"""

import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "scripts"))
from cluster_lab import Lab, wait_for

BUILD = pathlib.Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else pathlib.Path("build/release").resolve()
TOOL = BUILD / "apps" / "salamander"
TOUR = BUILD / "apps" / "cluster_tour"


def resident_kib(process):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{process}/status").read_text()).group(1))


def client_hello():
    """What somebody says first who knows the protocol."""
    out = ssl.MemoryBIO()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        context.wrap_bio(ssl.MemoryBIO(), out).do_handshake()
    except ssl.SSLWantReadError:
        return out.read()


def listening(processes):
    """{process: [(address, port)]} of the TCP sockets that these processes listen at, and Unix sockets by path."""
    found = {process: [] for process in processes}
    unix = {process: [] for process in processes}
    inodes = {}
    for process in processes:
        for entry in pathlib.Path(f"/proc/{process}/fd").iterdir():
            try:
                match = re.match(r"socket:\[(\d+)\]", os.readlink(entry))
            except OSError:
                continue
            if match:
                inodes[match.group(1)] = process
        for line in pathlib.Path(f"/proc/{process}/net/tcp").read_text().splitlines()[1:]:
            words = line.split()
            if words[3] == "0A" and inodes.get(words[9]) == process:
                address, port = words[1].split(":")
                found[process].append((socket.inet_ntoa(bytes.fromhex(address)[::-1]), int(port, 16)))
        assert not [line for line in pathlib.Path(f"/proc/{process}/net/tcp6").read_text().splitlines()[1:]
                    if line.split()[3] == "0A" and inodes.get(line.split()[9]) == process]
        for line in pathlib.Path(f"/proc/{process}/net/unix").read_text().splitlines()[1:]:
            words = line.split()
            if len(words) == 8 and words[3] == "00010000" and inodes.get(words[6]) == process:
                unix[process].append(words[7])
    return found, unix


class Ports(unittest.TestCase):
    """All in one address space: strangers sit on the same loopback device, which is as near as they can come."""

    @classmethod
    def setUpClass(cls):
        cls.lab = Lab(TOOL, ["driver", "master", "one", "two"], isolated=False).__enter__()
        cls.addClassCleanup(lambda: cls.lab.__exit__(None, None, None))
        cls.master = cls.lab.start_master()
        cls.workers = [cls.lab.start_worker(name) for name in ("one", "two")]

    def start_tours(self, count):
        tours = [self.lab.start_driver(f"{self.id().rsplit('.', 1)[1]}-{number}",
                                       [TOUR, "--tasks", 8, "--pause", 50, "--rounds", 100000], cores_max="2", executor_cores="1")
                 for number in range(count)]
        for tour in tours:
            wait_for("the job runs", lambda: "tasks" in tour.text() or not tour.running(), 60)
            self.assertTrue(tour.running(), tour.text())
            self.addCleanup(lambda tour=tour: tour.running() and tour.kill())
        return tours

    def executors_of(self, count):
        return wait_for(f"{count} executors", lambda: (lambda all: all if len(all) == count else None)(self.lab.processes_below("one", "two")))

    def open_ports(self, tours, executors):
        found, _ = listening([tour.child.pid for tour in tours] + executors + [self.master.child.pid])
        return [(process, where) for process, all in found.items() for where in all]

    def context(self, keys=None, name=None):
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
        if keys:
            made.load_cert_chain(keys / f"{name}.crt", keys / f"{name}.key")
        return made

    def assert_closed(self, connection):
        """The other side says nothing more and closes within some seconds."""
        connection.settimeout(10)
        try:
            while connection.recv(4096):
                pass
        except (ssl.SSLError, ConnectionError):
            pass

    def assert_still_working(self, tour):
        before = tour.text().count("tasks")
        wait_for("the job goes on", lambda: tour.text().count("tasks") > before + 4, 30)

    def test_nothing_else_listens_and_nothing_at_all_addresses(self):
        tours = self.start_tours(1)
        executors = self.executors_of(2)
        everybody = [tours[0].child.pid, self.master.child.pid, *[worker.child.pid for worker in self.workers], *executors]
        tcp, unix = listening(everybody)
        self.assertEqual(tcp[self.master.child.pid], [(self.lab.hosts["master"].address, 7077)])
        for worker in self.workers:
            self.assertEqual((tcp[worker.child.pid], unix[worker.child.pid]), ([], []))
        self.assertEqual(len(tcp[tours[0].child.pid]), 2)  # for executors: control and blocks
        for executor in executors:
            self.assertEqual(len(tcp[executor]), 1)  # blocks
        for all in tcp.values():
            for address, _ in all:
                self.assertTrue(address.startswith("127."), address)
        for path in [path for all in unix.values() for path in all]:
            self.assertEqual(os.stat(pathlib.Path(path).parent).st_mode & 0o777, 0o700, path)

    def test_strangers_are_closed_at_every_port_and_the_job_does_not_notice(self):
        tours = self.start_tours(2)
        executors = self.executors_of(4)
        other = self.lab.directory / "other-keys"
        subprocess.run([TOOL, "keygen", other], check=True, capture_output=True)
        self.addCleanup(lambda: shutil.rmtree(other))
        # Keys of the first application, as a process of it on the same machine holds them.
        applications = sorted(pathlib.Path(key).parent for key in self.lab.directory.glob("work-*/**/executor.key"))
        self.assertGreaterEqual(len(applications), 2)
        for process, where in self.open_ports(tours, executors):
            with self.subTest(port=where):
                plain = socket.create_connection(where, 10)
                plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + b"\xff" * 3000)
                self.assert_closed(plain)
                length = socket.create_connection(where, 10)
                length.sendall(b"\x16\x03\x01\xff\xff" + b"\xff\xff\xff\xff" * 1000)
                self.assert_closed(length)
                silent = socket.create_connection(where, 10)
                self.assert_closed(silent)
                for keys, name in ((None, None), (other / "client", "client"), (other / "node", "node")):
                    with socket.create_connection(where, 10) as raw:
                        try:
                            with self.context(keys, name).wrap_socket(raw) as secure:
                                secure.sendall(b"x" * 100)
                                self.assert_closed(secure)
                        except (ssl.SSLError, ConnectionError):
                            pass
        for tour in tours:
            self.assert_still_working(tour)

    def test_another_application_gets_into_none_of_the_ports(self):
        tours = self.start_tours(2)
        executors = self.executors_of(4)
        found, _ = listening([tour.child.pid for tour in tours] + executors)

        def key_directory(process):
            return pathlib.Path(f"/proc/{process}/cwd").resolve().parents[1]

        refused = admitted = 0
        for executor in executors:
            keys = key_directory(executor)
            for process, all in found.items():
                for where in all:
                    own = process == executor or (process in executors and key_directory(process).name == keys.name)
                    if process in (tour.child.pid for tour in tours):
                        continue
                    with socket.create_connection(where, 10) as raw:
                        try:
                            with self.context(keys, "executor").wrap_socket(raw) as secure:
                                secure.settimeout(1)
                                try:
                                    closed = secure.recv(1) == b""
                                except TimeoutError:
                                    closed = False
                        except (ssl.SSLError, ConnectionError):
                            closed = True
                    self.assertEqual(closed, not own, (executor, process, where))
                    refused += closed
                    admitted += not closed
        self.assertGreater(refused, 0)
        self.assertGreater(admitted, 0)

    def test_a_recorded_handshake_opens_nothing(self):
        where = (self.lab.hosts["master"].address, 7077)
        recorded = []
        proxy = socket.create_server(("127.0.0.1", 0))

        def pass_on():
            near, _ = proxy.accept()
            far = socket.create_connection(where, 10)

            def pump(source, sink, keep):
                try:
                    while data := source.recv(65536):
                        if keep:
                            recorded.append(data)
                        sink.sendall(data)
                except OSError:
                    pass
                sink.close()

            threading.Thread(target=pump, args=(far, near, False), daemon=True).start()
            pump(near, far, True)

        threading.Thread(target=pass_on, daemon=True).start()
        subprocess.run([TOOL, "status", "--master", f"salamander://127.0.0.1:{proxy.getsockname()[1]}", "--credentials",
                        self.lab.directory / "keys" / "client"], check=True, capture_output=True, timeout=60)
        self.assertGreater(sum(map(len, recorded)), 500)
        again = socket.create_connection(where, 10)
        for data in recorded:
            try:
                again.sendall(data)
            except OSError:
                break
            time.sleep(0.05)
        self.assert_closed(again)

    def test_ten_thousand_half_open_connections_cost_no_memory_and_no_job(self):
        tours = self.start_tours(1)
        executors = self.executors_of(2)
        for process, where in self.open_ports(tours, executors):
            for say, count in ((b"", 10000), (client_hello(), 2000)):
                with self.subTest(port=where, bytes=len(say)):
                    self.flood(where, 200, say)  # what a first use takes once is not counted
                    before = resident_kib(process)
                    growth = max(self.flood(where, count, say, process)) - before
                    print(f"{where[1]}, {len(say)} bytes: {growth} KiB")
                    self.assertLess(growth, 1024)
        self.assert_still_working(tours[0])
        self.lab.status()

    def flood(self, where, count, say, process=None):
        """Connections that say this and no more, the last 200 to 700 of them open at a time. What the process holds meanwhile."""
        held = [0]
        connections = []
        for number in range(count):
            try:
                connections.append(socket.create_connection(where, 10))
                connections[-1].sendall(say)
            except OSError:
                pass
            if number % 500 == 499:
                if process:
                    held.append(resident_kib(process))
                for old in connections[:-200]:  # this process's own limit of descriptors
                    old.close()
                connections = connections[-200:]
        if process:
            held.append(resident_kib(process))
        for one in connections:
            one.close()
        return held

    def test_no_secret_is_in_a_command_line_an_environment_or_a_log(self):
        tours = self.start_tours(1)
        executors = self.executors_of(2)
        secret = (self.lab.directory / "keys" / "node" / "cluster.secret").read_bytes()
        keys = [b"".join(line for line in path.read_bytes().splitlines() if not line.startswith(b"-----"))[:40]
                for path in [*self.lab.directory.glob("keys/**/*.key"), *self.lab.directory.glob("work-*/**/executor.key")]]
        self.assertGreaterEqual(len(keys), 4)
        for process in [tours[0].child.pid, self.master.child.pid, *[worker.child.pid for worker in self.workers], *executors]:
            for what in ("cmdline", "environ"):
                text = pathlib.Path(f"/proc/{process}/{what}").read_bytes()
                for one in [secret, *keys]:
                    self.assertNotIn(one, text)
        for path in self.lab.directory.rglob("*"):
            if path.is_file() and path.suffix not in (".key", ".secret") and "programs" not in path.parts and path.stat().st_size < 1 << 24:
                text = path.read_bytes().replace(b"\n", b"")
                for one in [secret, *keys]:
                    if one in text:
                        self.assertEqual(path.stat().st_mode & 0o077, 0, path)
                        self.assertNotEqual(path.suffix, ".log", path)
        status = self.lab.ask("status", "--json").encode()
        self.assertFalse([one for one in [secret, *keys] if one in status])


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
