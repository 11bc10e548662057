"""The manifests in deploy/kubernetes, as kustomize renders them.

`make kubernetes-test` compares them with the schemas of Kubernetes, and runs a pod.
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from runner.config import RunnerSettings
from server.settings.server import ServerSettings
from server.start.listener import ABORT_SECONDS, STOP_SECONDS
from tests.support.paths import ROOT
from tests.test_deployments import PROGRAMS, read_by

FOLDER = ROOT / "deploy" / "kubernetes"
SECRETS = {
    "postgresql": {
        "listener": {"job-service-database", "job-service-s3", "job-service-listener"},
        "worker": {"job-service-database", "job-service-s3"},
    },
    "sqlite": {"listener": {"job-service-listener"}, "worker": set()},
}
"""The secrets that each container of a program mounts."""
OWN = """
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
namespace: jobs
resources: [{base}/postgresql]
components: [{base}/autoscaling, {base}/postgres-server]
images: [{{name: job-service, newName: registry.example.org/job-service, newTag: "7"}}]
configMapGenerator:
  - {{name: worker-settings, behavior: merge, literals: [CONCURRENCY_LIMIT=8]}}
"""
Document = dict[str, Any]


def render(folder: Path) -> list[Document]:
    """The documents of a kustomization."""
    if shutil.which("kubectl") is None:
        pytest.skip("kubectl is not installed")
    command = ["kubectl", "kustomize", "--load-restrictor=LoadRestrictionsNone", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


@pytest.fixture(scope="module", params=["postgresql", "sqlite"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def documents(mode: str) -> list[Document]:
    return render(FOLDER / mode)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> list[Document]:
    """The manifests as a user changes them: an image, a namespace, a setting, both components."""
    folder = tmp_path_factory.mktemp("own")
    base = os.path.relpath(FOLDER, folder)
    (folder / "kustomization.yaml").write_text(OWN.format(base=base))
    return render(folder)


def pods(documents: list[Document]) -> Iterator[Document]:
    """The pods of all Deployments and StatefulSets."""
    for document in documents:
        if document["kind"] in {"Deployment", "StatefulSet"}:
            yield document["spec"]["template"]


def containers(documents: list[Document]) -> dict[str, Document]:
    """The containers, by name."""
    return {each["name"]: each for pod in pods(documents) for each in pod["spec"]["containers"]}


def settings(documents: list[Document], container: Document) -> dict[str, str]:
    """The environment variables of a container."""
    maps = {each["metadata"]["name"]: each["data"] for each in of_kind(documents, "ConfigMap")}
    found = {each["name"]: each["value"] for each in container.get("env", ())}
    for source in container["envFrom"]:
        found |= maps[source["configMapRef"]["name"]]
    return found


def of_kind(documents: list[Document], kind: str) -> list[Document]:
    return [each for each in documents if each["kind"] == kind]


def test_each_program_is_given_only_settings_that_it_reads(documents: list[Document]) -> None:
    for name, program in PROGRAMS.items():
        given = settings(documents, containers(documents)[name])
        assert {key for key, value in given.items() if value} - read_by(program) == set()
        assert not given.keys() & {*ServerSettings.secrets(), *RunnerSettings.secrets()}


def test_a_worker_gets_no_secret_of_the_listener(mode: str, documents: list[Document]) -> None:
    found = {}
    for pod in pods(documents):
        secrets = {
            volume["name"]: volume["secret"]["secretName"]
            for volume in pod["spec"]["volumes"]
            if "secret" in volume
        }
        for container in pod["spec"]["containers"]:
            mounted = {each["name"] for each in container["volumeMounts"]}
            found[container["name"]] = {secrets[name] for name in mounted & secrets.keys()}
    assert found == SECRETS[mode]


def test_all_pods_keep_the_restricted_standard(
    documents: list[Document], own: list[Document]
) -> None:
    """Of https://kubernetes.io/docs/concepts/security/pod-security-standards, and a bit more."""
    for pod in (*pods(documents), *pods(own)):
        spec = pod["spec"]
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert spec["automountServiceAccountToken"] is False
        assert not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys()
        kinds = {kind for volume in spec["volumes"] for kind in volume if kind != "name"}
        assert kinds <= {"emptyDir", "secret"}
        for container in spec["containers"]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }


def test_pods_have_the_time_to_stop_that_their_programs_need(documents: list[Document]) -> None:
    for pod in pods(documents):
        grace = pod["spec"]["terminationGracePeriodSeconds"]
        for container in pod["spec"]["containers"]:
            needed = STOP_SECONDS + ABORT_SECONDS
            if container["name"] == "worker":
                needed = float(settings(documents, container)["DRAIN_SECONDS"]) + 10
            if "lifecycle" in container:
                needed += float(container["lifecycle"]["preStop"]["exec"]["command"][1])
            assert grace > needed


def test_every_selector_finds_its_pods(own: list[Document]) -> None:
    labels = [pod["metadata"]["labels"] for pod in pods(own)]
    selectors = [each["spec"]["selector"] for each in of_kind(own, "Service")]
    selectors += [each["spec"]["selector"]["matchLabels"] for each in of_kind(own, "Deployment")]
    budgets = of_kind(own, "PodDisruptionBudget")
    selectors += [each["spec"]["selector"]["matchLabels"] for each in budgets]
    policies = of_kind(own, "NetworkPolicy")
    selectors += [each["spec"]["podSelector"]["matchLabels"] for each in policies]
    for selector in selectors:
        assert sum(selector.items() <= each.items() for each in labels) == 1, selector


def test_workers_take_no_connections_and_reach_no_credentials_of_a_cloud(
    documents: list[Document],
) -> None:
    policies = {
        each["metadata"]["name"]: each["spec"] for each in of_kind(documents, "NetworkPolicy")
    }
    policy = policies.get("job-service-worker") or policies["job-service"]
    blocks = [
        to["ipBlock"] for rule in policy["egress"] for to in rule.get("to", ()) if "ipBlock" in to
    ]
    assert "169.254.0.0/16" in blocks[0]["except"]
    assert set(policy["policyTypes"]) == {"Ingress", "Egress"}
    if "job-service-worker" in policies:
        assert "ingress" not in policy


def test_an_own_kustomization_names_the_image_and_changes_settings(own: list[Document]) -> None:
    found = containers(own)
    assert {found[name]["image"] for name in PROGRAMS} == {"registry.example.org/job-service:7"}
    worker = settings(own, found["worker"])
    assert (worker["CONCURRENCY_LIMIT"], worker["DRAIN_SECONDS"]) == ("8", "300")


def test_autoscaling_replaces_the_number_of_workers(own: list[Document]) -> None:
    (scaled,) = of_kind(own, "ScaledObject")
    deployments = {each["metadata"]["name"]: each["spec"] for each in of_kind(own, "Deployment")}
    assert "replicas" not in deployments[scaled["spec"]["scaleTargetRef"]["name"]]
    (trigger,) = scaled["spec"]["triggers"]
    services = {each["metadata"]["name"]: each["metadata"] for each in of_kind(own, "Service")}
    namespace = services["job-service"]["namespace"]
    url = f"http://job-service.{namespace}.svc:5000/scale?within=30"
    assert trigger["metadata"]["url"] == url
    (grant,) = of_kind(own, "TriggerAuthentication")
    assert trigger["authenticationRef"]["name"] == grant["metadata"]["name"]
