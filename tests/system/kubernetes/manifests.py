"""The manifests by the schemas of several releases of Kubernetes. KEDA's types have none here."""

import subprocess
from typing import Any

import kubernetes_validate
import yaml

RELEASES = ("1.29", "1.33", "1.37")
OWN_TYPES = ("keda.sh/v1alpha1",)
Document = dict[str, Any]


def render(folder: str) -> list[Document]:
    """The documents of a kustomization below deploy/kubernetes."""
    command = ["kubectl", "kustomize", f"deploy/kubernetes/{folder}"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [document for document in yaml.safe_load_all(text) if document]


def rendered_component(folder: str, file: str) -> list[Document]:
    """The documents of a component, which cannot be rendered by itself."""
    with open(f"deploy/kubernetes/{folder}/{file}") as opened:
        return list(yaml.safe_load_all(opened))


def all_documents_fit_the_schemas() -> str:
    documents = [*render("postgresql"), *render("sqlite")]
    documents += rendered_component("postgres-server", "postgres.yaml")
    documents += rendered_component("autoscaling", "scaled-object.yaml")
    checked = [each for each in documents if each["apiVersion"] not in OWN_TYPES]
    for release in RELEASES:
        for document in checked:
            kubernetes_validate.validate(document, release, strict=True)
    left_out = len(documents) - len(checked)
    return f"{len(checked)} documents by {', '.join(RELEASES)}; {left_out} of KEDA not checked"


def an_unknown_field_would_be_refused() -> None:
    document = render("sqlite")[-1]
    document["spec"]["podSelecter"] = {}
    try:
        kubernetes_validate.validate(document, RELEASES[-1], strict=True)
    except kubernetes_validate.ValidationError:
        return
    raise AssertionError("accepted")


CHECKS = (all_documents_fit_the_schemas, an_unknown_field_would_be_refused)
