"""What the benchmark scripts share: building, data, running a program and taking its measure, Spark's jars, tables."""

import importlib.util
import json
import math
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = ROOT / "apps" / "bench"

# What Spark asks of Java 17, as its own launcher gives it.
JAVA_OPENS = (
    "java.lang", "java.lang.invoke", "java.lang.reflect", "java.io", "java.net", "java.nio", "java.util", "java.util.concurrent",
    "java.util.concurrent.atomic", "jdk.internal.ref", "sun.nio.ch", "sun.nio.cs", "sun.security.action", "sun.util.calendar",
)


def say(text):
    print(text, file=sys.stderr, flush=True)


def checked(command, what):
    """Runs a step that is silent unless it fails."""
    done = subprocess.run([str(part) for part in command], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        sys.exit(f"{done.stdout}\n{pathlib.Path(sys.argv[0]).name}: {what} failed: {' '.join(map(str, command))}")


def build_tools(build):
    """The hand-written programs and the maker of data."""
    checked(["cmake", "-S", SOURCES, "-B", build / "bench", "-DCMAKE_BUILD_TYPE=Release"], "configuring")
    checked(["cmake", "--build", build / "bench", "-j2"], "building")


def build_programs(folder, targets, *settings):
    """The applications named, as a release with further settings, in a folder of their own."""
    launcher = ["-DCMAKE_CXX_COMPILER_LAUNCHER=ccache"] if shutil.which("ccache") else []
    checked(["cmake", "--preset", "release", "-B", folder, *launcher, *settings], "configuring")
    checked(["cmake", "--build", folder, "--target", *targets], "building")


def make_data(build, data, kind, sizes):
    """The path of an input, made once and kept, and read once so that every system finds it in memory."""
    path = data / f"{kind}-{'x'.join(sizes)}.txt"
    if not path.exists():
        say(f"making {path.name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished")
        checked([build / "bench" / "bench_data", kind, unfinished, *sizes], "making data")
        unfinished.rename(path)
    with open(path, "rb") as file:
        while file.read(1 << 22):
            pass
    return str(path)


def busy_seconds():
    """What all cores have worked since the machine started."""
    with open("/proc/stat") as stat:
        ticks = [int(field) for field in stat.readline().split()[1:9]]
    return (sum(ticks) - ticks[3] - ticks[4]) / os.sysconf("SC_CLK_TCK")


def measure(name, command, deadline, **environment):
    """Runs one program. Gives what it printed as JSON, and of it and the processes it waited for: how long it lived, the processor
    time, the memory of the largest, and the share of the machine that others took meanwhile."""
    command = [str(part) for part in command]
    everything = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", **{key: str(value) for key, value in environment.items()}}
    with tempfile.TemporaryFile("w+") as output, tempfile.TemporaryFile("w+") as errors:
        busy, start = busy_seconds(), time.perf_counter()
        process = subprocess.Popen(["timeout", str(deadline), *command], stdout=output, stderr=errors, env=everything)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        cpu = used.ru_utime + used.ru_stime
        others = max(0, busy_seconds() - busy - cpu) / (wall * os.cpu_count())
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        lines = output.read().strip().splitlines()
        if process.returncode != 0 or not lines:
            raise RuntimeError(f"{name} ended with {process.returncode}: {errors.read().strip()[-2000:]}")
    return {**json.loads(lines[-1]), "wall": wall, "cpu": cpu, "peak_mib": used.ru_maxrss / 1024, "others": others}


class SparkJars:
    """Spark as `pip install pyspark` leaves it, and the programs of apps/bench/spark."""

    def __init__(self, build):
        self.classes = build / "bench-spark"
        found = importlib.util.find_spec("pyspark")
        self.package = pathlib.Path(found.origin).parent if found else None

    def missing(self):
        if not shutil.which("java") or not shutil.which("javac"):
            return "no java and javac (apt install openjdk-17-jdk-headless)"
        if self.package is None or not (self.package / "jars").is_dir():
            return "no pyspark (pip install pyspark)"
        return None

    def build(self):
        self.classes.mkdir(parents=True, exist_ok=True)
        sources = sorted((SOURCES / "spark").glob("*.java"))
        checked(["javac", "-nowarn", "-cp", f"{self.package}/jars/*", "-d", self.classes, *sources], "javac")

    def core(self):
        """The versions of Scala and Spark, as in spark-core_2.13-4.0.1.jar."""
        jar = next((jar.stem for jar in (self.package / "jars").glob("spark-core_*.jar")), "spark-core_?-?")
        return jar.removeprefix("spark-core_").split("-", 1)

    def java(self, program, memory):
        opens = [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in JAVA_OPENS]
        return ["java", f"-Xmx{memory}", *opens, "-cp", f"{self.classes}:{self.package}/jars/*", program]


def agree(a, b):
    if isinstance(a, str) or isinstance(b, str):
        return a == b
    return math.isclose(a, b, rel_tol=1e-6)


def spelled(seconds):
    if seconds is None:
        return "–"
    return f"{seconds:.3f} s" if seconds >= 0.01 else f"{seconds * 1e6:.0f} us"


def times(ratio, digits):
    return f"{ratio:.{digits}f}" if ratio else "–"


def table(header, rows):
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    line = lambda row: "| " + " | ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))) + " |"
    rule = "|" + "|".join("-" * (w + 2) if i == 0 else "-" * (w + 1) + ":" for i, w in enumerate(widths)) + "|"
    return "\n".join([line(header), rule, *map(line, rows)])


def machine():
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    return f"{cpu}, {os.cpu_count()} cores, Linux {platform.release()}"


def update_section(path, name, text):
    """Replaces what stands between <!-- name --> and <!-- /name --> in a document."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, found, rest = path.read_text().partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        sys.exit(f"{path} has no section between {begin} and {end}")
    path.write_text(f"{before}{begin}\n{text}\n{end}{after}")
