"""Whatever starts a master or a worker can say everything in the environment, and finds it in the documentation.

    test_settings.py BUILD_DIRECTORY [unittest options]
"""

import os
import pathlib
import re
import subprocess
import sys
import unittest

BUILD = pathlib.Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else pathlib.Path("build/release").resolve()
PAGE = pathlib.Path(__file__).resolve().parents[3] / "docs/deploy.md"


def options(command):
    """The flags of a command, and the variable of each, as --help shows them."""
    text = subprocess.run([BUILD / "apps/salamander", command, "--help"], check=True, capture_output=True, text=True, timeout=60).stdout
    found = dict.fromkeys(re.findall(r"^  (?:-\w,)?(--[\w-]+|master TEXT)", text, re.M))
    found.update(re.findall(r"^  (?:-\w,)?(--[\w-]+|master TEXT).*\(Env:(\w+)\)", text, re.M))
    del found["--help"]
    return found


def run(command, **environment):
    settings = {"PATH": os.environ["PATH"], **{f"SALAMANDER_{name}": value for name, value in environment.items()}}
    return subprocess.run([BUILD / "apps/salamander", command], env=settings, capture_output=True, text=True, timeout=60, check=False)


class Settings(unittest.TestCase):
    def test_every_flag_has_a_variable(self):
        for command in ["master", "worker"]:
            flags = options(command)
            self.assertGreater(len(flags), 8)
            self.assertEqual([flag for flag, variable in flags.items() if not variable], [], command)

    def test_the_documentation_has_all_of_them(self):
        page = PAGE.read_text(encoding="utf-8")
        for command in ["master", "worker"]:
            for flag, variable in options(command).items():
                row = rf"^\| .*`{variable}`.*\|" if flag == "master TEXT" else rf"^\| `{flag}` \|.*`{variable}`.*\|"
                self.assertRegex(page, re.compile(row, re.M))

    def test_a_wrong_value_is_an_error_that_names_the_variable_or_the_flag(self):
        wrong = run("master", MASTER_WORKER_TIMEOUT="never")
        self.assertNotEqual(wrong.returncode, 0)
        self.assertIn("--worker-timeout", wrong.stderr)
        wrong = run("worker", MASTER="salamander://127.0.0.1:1", WORKER_GRACE="soon")
        self.assertNotEqual(wrong.returncode, 0)
        self.assertIn("--grace", wrong.stderr)


if __name__ == "__main__":
    unittest.main()
