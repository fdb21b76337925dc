"""What the API server takes of the chart's documents, and what it would refuse."""

import copy
from pathlib import Path

import pytest
import yaml

from tests.cluster.kubernetes_api import ApiError, KubernetesApi, Object, until
from tests.helm.chart import CI_VALUES, example, of_kind

CRDS = Path(__file__).parent / "crds"
ELSEWHERE = {"KafkaUser", "KafkaTopic", "ExternalSecret"}  # of operators that are not here
by_values = pytest.mark.parametrize("values", CI_VALUES, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def namespace(api: KubernetesApi) -> str:
    """Make a namespace at level restricted, and the CRDs of Prometheus' operator."""
    api.create_namespace("market-data")
    for file in CRDS.glob("*.yaml"):
        definition = yaml.safe_load(file.read_text())
        api.call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", definition)
        name = definition["metadata"]["name"]
        until(lambda: established(api, name), lambda: f"{name} is not taken")  # noqa: B023
    return "market-data"


def established(api: KubernetesApi, name: str) -> bool:
    """Say whether objects of a definition are taken now."""
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}"
    conditions = api.call("GET", path)["status"].get("conditions") or []
    return ("Established", "True") in [(each["type"], each["status"]) for each in conditions]


@by_values
def test_the_server_takes_every_document_with_no_unknown_field(
    values: Path, api: KubernetesApi, namespace: str
) -> None:
    taken = [each for each in example(values) if each["kind"] not in ELSEWHERE]

    for document in taken:
        local = copy.deepcopy(document)
        local["metadata"].pop("namespace", None)
        api.try_apply(namespace, local)
    assert len(taken) >= 8


@by_values
def test_every_pod_is_admitted_at_level_restricted(
    values: Path, api: KubernetesApi, namespace: str
) -> None:
    found = [*of_kind(example(values), "Deployment"), *of_kind(example(values), "Job")]

    for document in found:
        create(api, namespace, bare_pod(document))
    assert len(found) >= 2


@pytest.mark.parametrize(
    "change",
    [
        {"securityContext": {"allowPrivilegeEscalation": True}},
        {"securityContext": {"allowPrivilegeEscalation": False}},  # and no dropped capabilities
    ],
)
def test_the_server_refuses_a_pod_that_is_not_restricted(
    change: Object, api: KubernetesApi, namespace: str
) -> None:
    pod = bare_pod(of_kind(example(CI_VALUES[0]), "Deployment")[0])
    pod["spec"]["containers"][0] |= change

    with pytest.raises(ApiError, match="violates PodSecurity"):
        create(api, namespace, pod)


def bare_pod(document: Object) -> Object:
    """Return the pod of a deployment or job, alone."""
    spec = copy.deepcopy(document["spec"]["template"]["spec"])
    for class_ in ("serviceAccountName", "priorityClassName"):
        spec.pop(class_, None)  # they would have to exist
    metadata = {"name": document["metadata"]["name"]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


def create(api: KubernetesApi, namespace: str, pod: Object) -> None:
    """Create a pod as a trial. Raises ApiError: it is refused."""
    options = "dryRun=All&fieldValidation=Strict"
    api.call("POST", f"/api/v1/namespaces/{namespace}/pods?{options}", pod)
