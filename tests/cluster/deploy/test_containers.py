"""The files for Docker and Kubernetes: valid by their schemas where a validator is there, and at one with the tool and with each other.

    test_containers.py BUILD_DIRECTORY [unittest options]
"""

import importlib.util
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

try:
    import yaml
except ImportError:
    yaml = None

BUILD = pathlib.Path(sys.argv.pop(1)).resolve() if len(sys.argv) > 1 else pathlib.Path("build/release").resolve()
DEPLOY = pathlib.Path(__file__).resolve().parents[3] / "deploy"
VALIDATOR = importlib.util.find_spec("kubernetes_validate")
KUBECTL = shutil.which("kubectl")


def variables():
    """All variables that the tool knows."""
    found = set()
    for command in ["master", "worker", "submit"]:
        said = subprocess.run([BUILD / "apps/salamander", command, "--help"], check=True, capture_output=True, text=True, timeout=60).stdout
        found.update(re.findall(r"\(Env:(\w+)\)", said))
    return found | {"SALAMANDER_CREDENTIALS"}


def seconds(text):
    return int(re.fullmatch(r"(\d+)s", text)[1])


def documents():
    return [one for file in sorted((DEPLOY / "kubernetes").glob("*.yaml")) for one in yaml.safe_load_all(file.read_text())]


@unittest.skipUnless(yaml, "needs PyYAML: scripts/setup")
class Kubernetes(unittest.TestCase):
    def setUp(self):
        self.documents = {(one["kind"], one.get("metadata", {}).get("name")): one for one in documents()}
        self.pods = {key: one["spec"]["template"]["spec"] for key, one in self.documents.items() if "template" in one.get("spec", {})}
        self.assertEqual({kind for kind, _ in self.pods}, {"StatefulSet", "Deployment", "Job"})

    @unittest.skipUnless(VALIDATOR, "needs the Python package kubernetes-validate")
    def test_they_are_valid(self):
        validate = __import__("kubernetes_validate")
        for one in self.documents.values():
            if one["kind"] != "Kustomization":
                validate.validate(one, validate.latest_version(), strict=True)

    @unittest.skipUnless(KUBECTL, "needs kubectl")
    def test_they_are_put_together(self):
        made = subprocess.run([KUBECTL, "kustomize", DEPLOY / "kubernetes"], capture_output=True, text=True, timeout=60, check=True).stdout
        self.assertEqual(len(list(yaml.safe_load_all(made))), 6)

    def test_every_variable_is_one_of_the_tools(self):
        for pod in self.pods.values():
            for container in pod["containers"]:
                self.assertLessEqual({one["name"] for one in container["env"]}, variables())
            # The variables that Kubernetes makes for a service named salamander-master would be taken for settings.
            self.assertFalse(pod["enableServiceLinks"])

    def test_every_volume_that_is_mounted_is_there_and_the_other_way_round(self):
        for (kind, name), pod in self.pods.items():
            claims = self.documents[kind, name]["spec"].get("volumeClaimTemplates", [])
            there = {one["name"] for one in pod["volumes"]} | {one["metadata"]["name"] for one in claims}
            mounted = {one["name"] for container in pod["containers"] + pod["initContainers"] for one in container["volumeMounts"]}
            self.assertEqual(there, mounted, name)

    def test_labels_and_names_fit(self):
        service = self.documents["Service", "salamander-master"]
        master = self.documents["StatefulSet", "salamander-master"]
        self.assertEqual(master["spec"]["serviceName"], service["metadata"]["name"])
        self.assertEqual(service["spec"]["selector"], master["spec"]["template"]["metadata"]["labels"])
        for kind, name in [("StatefulSet", "salamander-master"), ("Deployment", "salamander-worker")]:
            spec = self.documents[kind, name]["spec"]
            self.assertEqual(spec["selector"]["matchLabels"], spec["template"]["metadata"]["labels"])
        url = f"salamander://{master['metadata']['name']}-0.{service['metadata']['name']}:7077"
        for kind, name in [("Deployment", "salamander-worker"), ("Job", "salamander-submit")]:
            env = {one["name"]: one.get("value") for one in self.pods[kind, name]["containers"][0]["env"]}
            self.assertEqual(env["SALAMANDER_MASTER"], url)

    def test_containers_may_do_what_the_restricted_profile_allows(self):
        for pod in self.pods.values():
            self.assertTrue(pod["securityContext"]["runAsNonRoot"])
            self.assertEqual(pod["securityContext"]["seccompProfile"], {"type": "RuntimeDefault"})
            self.assertFalse(pod["automountServiceAccountToken"])
            for container in pod["containers"] + pod["initContainers"]:
                self.assertEqual(container["securityContext"], {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
                                                                "readOnlyRootFilesystem": True})

    def test_keys_are_readable_by_their_one_reader_only(self):
        """Secrets are mounted for the init container alone, which copies them with a mode that the tool accepts."""
        for pod in self.pods.values():
            for container in pod["containers"]:
                self.assertFalse([one for one in container["volumeMounts"] if one["name"].startswith("secret-")])
            script = " ".join(pod["initContainers"][0]["command"])
            self.assertEqual(script.count("install -m 0400 "), len([one for one in pod["volumes"] if "secret" in one]))

    def test_a_worker_has_time_for_its_grace_and_probes_ask_for_the_file_it_writes(self):
        worker = self.pods["Deployment", "salamander-worker"]
        env = {one["name"]: one.get("value") for one in worker["containers"][0]["env"]}
        self.assertGreaterEqual(worker["terminationGracePeriodSeconds"], seconds(env["SALAMANDER_WORKER_GRACE"]) + 15)
        self.assertLessEqual(len(env["SALAMANDER_WORKER_DIR"]), 56)
        for pod in self.pods.values():
            for container in pod["containers"]:
                files = [one["value"] for one in container["env"] if one["name"].endswith("_READY_FILE")]
                for probe in [one for name, one in container.items() if name.endswith("Probe") and "exec" in one]:
                    self.assertEqual(probe["exec"]["command"], ["test", "-e", *files])


@unittest.skipUnless(yaml, "needs PyYAML: scripts/setup")
class Docker(unittest.TestCase):
    def setUp(self):
        self.services = yaml.safe_load((DEPLOY / "docker/compose.yaml").read_text())["services"]
        joined = re.sub(r"\\\n", " ", (DEPLOY / "docker/Dockerfile").read_text())
        self.steps = [tuple(line.split(None, 1)) for line in joined.splitlines() if line.strip() and not line.startswith("#")]

    def test_every_variable_is_one_of_the_tools(self):
        for service in self.services.values():
            self.assertLessEqual(set(service.get("environment", {})), variables())
        for name, rest in self.steps:
            if name == "ENV":
                self.assertLessEqual(set(re.findall(r"(\w+)=", rest)), variables())

    def test_who_does_not_need_a_folder_of_keys_does_not_see_it(self):
        sees = {name: {volume.split(":")[0] for volume in one["volumes"]} for name, one in self.services.items()}
        self.assertEqual({name for name, volumes in sees.items() if "authority" in volumes}, {"keygen"})
        self.assertNotIn("client", sees["master"])
        self.assertNotIn("node", sees["submit"])
        for name in ["master", "worker", "submit"]:
            self.assertFalse([one for one in self.services[name]["volumes"] if "/etc/" in one and not one.endswith(":ro")])

    def test_a_worker_has_time_for_its_grace(self):
        worker = self.services["worker"]
        self.assertGreater(seconds(worker["stop_grace_period"]), seconds(worker["environment"]["SALAMANDER_WORKER_GRACE"]))

    def test_nothing_is_published(self):
        self.assertFalse([name for name, one in self.services.items() if "ports" in one or one.get("network_mode") == "host"])

    def test_the_image_runs_the_tool_as_nobody_special_and_passes_signals_on(self):
        known = {"FROM", "ARG", "WORKDIR", "COPY", "RUN", "ENV", "USER", "STOPSIGNAL", "HEALTHCHECK", "ENTRYPOINT", "CMD"}
        self.assertLessEqual({name for name, _ in self.steps}, known)
        last = dict(self.steps)
        self.assertEqual(last["USER"], "10001:10001")
        self.assertEqual(last["ENTRYPOINT"], '["/usr/bin/tini", "--", "/usr/local/bin/salamander"]')
        self.assertTrue(last["HEALTHCHECK"].endswith('CMD ["test", "-e", "/run/salamander/ready"]'))
        copied = [words.split()[:-1] for name, words in self.steps if name == "COPY" and "--from" not in words and words != ". ."]
        for source in sum(copied, []):
            self.assertTrue((DEPLOY.parent / source).exists(), source)


if __name__ == "__main__":
    unittest.main()
