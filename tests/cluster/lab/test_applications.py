"""Every application on a cluster of four machines finds what it finds with the threads of one process.

    test_applications.py BUILD_DIRECTORY [unittest options]
"""

import json
import os
import pathlib
import random
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "scripts"))
from cluster_lab import Lab

BUILD = pathlib.Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else pathlib.Path("build/release").resolve()
APPS = BUILD / "apps"


class Applications(unittest.TestCase):
    """Drivers, inputs and outputs share the machine's files, as machines of a cluster share a file system."""

    @classmethod
    def setUpClass(cls):
        cls.lab = Lab(APPS / "salamander", ["driver", "master", "one", "two"]).__enter__()
        cls.addClassCleanup(lambda: cls.lab.__exit__(None, None, None))
        cls.lab.start_master()
        for name in ("one", "two"):
            cls.lab.start_worker(name)
        cls.runs = 0

    def file(self, name, lines):
        path = self.lab.directory / name
        path.write_text("\n".join(lines) + "\n")
        return path

    def on_cluster(self, program, *words):
        type(self).runs += 1
        driver = self.lab.start_driver(f"{program}-{self.runs}", [APPS / program, *words, "--json"])
        code = driver.wait(120)
        self.assertEqual(code, 0, driver.text())
        answers = [line for line in driver.text().splitlines() if line.startswith("{")]
        self.assertEqual(len(answers), 1, driver.text())
        return json.loads(answers[0])

    def in_process(self, program, *words):
        done = subprocess.run([APPS / program, *map(str, words), "--json"], env=dict(os.environ, SALAMANDER_MASTER="local[2]"),
                              capture_output=True, text=True, timeout=120, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def both(self, program, *words):
        """What they found, without their times."""
        found = self.on_cluster(program, *words)
        expected = self.in_process(program, *words)
        for one in (found, expected):
            for key in [key for key in one if key.endswith("seconds")]:
                del one[key]
        return found, expected

    def assert_same(self, program, *words):
        found, expected = self.both(program, *words)
        self.assertEqual(found, expected)

    def assert_nearly_same(self, program, *words):
        """Sums of fractions depend on the order of their terms in the last digits."""
        found, expected = self.both(program, *words)
        self.assertAlmostEqual(float(found["checksum"]) / float(expected["checksum"]), 1, places=9)

    def points(self, name, count):
        values = random.Random(4)
        return self.file(name, [" ".join(f"{values.gauss((row % 3) - 1, 0.4):.6f}" for _ in range(4)) for row in range(count)])

    def test_word_count(self):
        values = random.Random(1)
        text = self.file("text", [" ".join(f"word{int(300 * values.random() ** 3)}" for _ in range(12)) for _ in range(4000)])
        self.assert_same("word_count", text)

    def test_log_mining(self):
        values = random.Random(2)
        log = self.file("log", [f"{row} {values.choice(['INFO', 'WARN', 'ERROR'])} {values.choice(['disk is full', 'peer timed out'])}"
                                for row in range(20000)])
        self.assert_same("log_mining", log, "--match", "ERROR", "--query", "disk", "--query", "peer")

    def test_logistic_regression(self):
        self.assert_nearly_same("logistic_regression", self.points("classes", 5000), "--iterations", 5)

    def test_k_means(self):
        self.assert_nearly_same("k_means", self.points("clusters", 5000), "--k", 3, "--iterations", 5)

    def test_page_rank(self):
        values = random.Random(3)
        edges = self.file("edges", [f"{values.randrange(500)} {int(600 * values.random() ** 2)}" for _ in range(8000)])
        self.assert_nearly_same("page_rank", edges, "--iterations", 4)

    def test_tera_sort_and_its_validation(self):
        where = {name: self.lab.directory / f"records-{name}" for name in ("cluster", "local")}
        for name, run in (("cluster", self.on_cluster), ("local", self.in_process)):
            run("tera_sort", "generate", 20000, where[name])
            run("tera_sort", "sort", where[name], f"{where[name]}-sorted")
        sorted_lines = {name: b"".join(part.read_bytes() for part in sorted(pathlib.Path(f"{path}-sorted").glob("part-*")))
                        for name, path in where.items()}
        self.assertEqual(len(sorted_lines["local"]), 20000 * 100)
        self.assertEqual(sorted_lines["cluster"], sorted_lines["local"])
        self.assert_same("tera_sort", "validate", f"{where['cluster']}-sorted")

    def test_tera_sort_notices_what_is_out_of_order(self):
        output = self.lab.directory / "unsorted"
        self.in_process("tera_sort", "generate", 1000, output)
        driver = self.lab.start_driver("validate-unsorted", [APPS / "tera_sort", "validate", output])
        self.assertEqual(driver.wait(120), 1)
        self.assertIn("out of order", driver.text())

    def test_empty_job(self):
        self.assert_same("empty_job", "--tasks", 8, "--jobs", 20)


if __name__ == "__main__":
    unittest.main(verbosity=2, warnings="ignore")
