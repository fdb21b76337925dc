"""A release on a real API server: installed, upgraded, rolled back, removed."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.control_plane import ControlPlane
from tests.cluster.kubernetes_api import Object, until
from tests.cluster.node import Node
from tests.helm.chart import CHART, CONFIG, Refusal, helm, helm_program

IMAGE = "registry.example.com/bkc:0.1.0"
BROKEN = "registry.example.com/bkc:broken"
ON_FAILURE = {"3": "--atomic", "4": "--rollback-on-failure"}
ACCOUNT = """\
kafka:
  bootstrap_servers: kafka:9093
  security: {protocol: SASL_SSL, mechanism: PLAIN, username: a, password_file: /etc/bkc/kafka/p}
schema_registry: {url: "http://registry:8081"}
accounts:
  - {alias: desk-1, secrets_dir: /etc/bkc/binance, streams: {spot: signature}}
"""
_numbers = itertools.count(1)


class Release:
    """A release in a namespace of its own, whose pods must be `restricted`."""

    def __init__(self, plane: ControlPlane, node: Node, folder: Path) -> None:
        self.api, self.node, self._plane, self._folder = plane.api, node, plane, folder
        self.namespace = f"release-{next(_numbers)}"
        self.api.create_namespace(self.namespace)

    def run(self, command: str, *options: str, config: str = CONFIG) -> str:
        """Run install or upgrade with this config. Raises Refusal: helm failed."""
        market, account = self._folder / "connector.yaml", self._folder / "account.yaml"
        market.write_text(config)
        account.write_text(ACCOUNT)
        return self.helm(
            command,
            "bkc",
            str(CHART),
            "--wait",
            "--timeout=300s",
            "--set=image.repository=registry.example.com/bkc,market.shards=2,pod.minReadySeconds=1",
            f"--set-file=market.config={market}",
            f"--set-file=accounts.desk-1.config={account}",
            *options,
        )

    def helm(self, *arguments: str) -> str:
        """Run helm on this cluster and namespace. Raises Refusal: it failed."""
        kubeconfig = str(self._plane.kubeconfig)
        return helm(*arguments, f"--namespace={self.namespace}", KUBECONFIG=kubeconfig)

    def items(self, path: str) -> list[Object]:
        """Return objects of the release's namespace."""
        group, _, kind = path.rpartition("/")
        return self.api.items(f"/{group}/namespaces/{self.namespace}/{kind}")

    def pods(self) -> dict[str, str]:
        """Return the ready pods of workers: pod -> deployment."""
        return {
            pod["metadata"]["name"]: pod["metadata"]["name"].rsplit("-", 2)[0]
            for pod in self.items("api/v1/pods")
            if pod["status"]["phase"] == "Running"
        }


@pytest.fixture
def release(control_plane: ControlPlane, node: Node, tmp_path: Path) -> Release:
    return Release(control_plane, node, tmp_path)


@pytest.fixture
def broken(node: Node) -> Iterator[str]:
    """A tag whose pods never get ready."""
    node.never_ready.add(BROKEN)
    yield BROKEN.rsplit(":", 1)[1]
    node.never_ready.remove(BROKEN)


def test_an_install_makes_a_pod_per_shard_and_account_and_an_uninstall_leaves_none(
    release: Release,
) -> None:
    release.run("install")

    names = {name.removeprefix("bkc-binance-kafka-connector-") for name in release.pods().values()}
    assert names == {"market-0", "market-1", "account-desk-1"}
    release.helm("uninstall", "bkc", "--wait", "--timeout=300s")
    kinds = ("api/v1/pods", "api/v1/services", "apis/apps/v1/deployments", "apis/batch/v1/jobs")
    until(
        lambda: not [each for kind in kinds for each in release.items(kind)],
        lambda: str([each["metadata"]["name"] for kind in kinds for each in release.items(kind)]),
    )


def test_a_changed_config_rolls_its_worker_alone_and_each_new_pod_is_ready_before_the_old_ends(
    release: Release,
) -> None:
    release.run("install")
    before = release.pods()
    release.node.events.clear()

    release.run("upgrade", config=f"{CONFIG}# more\n")

    after = release.pods()
    kept = before.keys() & after.keys()
    assert {before[pod].rpartition("connector-")[2] for pod in kept} == {"account-desk-1"}
    for shard in ("market-0", "market-1"):
        [old] = [pod for pod, name in before.items() if name.endswith(shard)]
        [new] = [pod for pod, name in after.items() if name.endswith(shard)]
        events = release.node.events
        assert events.index(("ready", new)) < events.index(("gone", old))


def test_a_mistake_in_the_config_ends_an_upgrade_before_anything_changes(release: Release) -> None:
    release.run("install")
    before = release.pods()

    with pytest.raises(Refusal):
        release.run("upgrade", config=CONFIG.replace("trade]", "trades]"))

    assert release.pods() == before
    [job] = release.items("apis/batch/v1/jobs")
    [pod] = [each for each in release.items("api/v1/pods") if "job-name" in str(each["metadata"])]
    assert job["status"]["failed"] == 1
    assert "market.yaml:4" in release.node.outputs[pod["metadata"]["name"]]


def test_a_version_that_never_gets_ready_is_rolled_back_and_the_old_pods_stay(
    release: Release, broken: str
) -> None:
    release.run("install")
    before = release.pods()
    major = helm("version", "--short").removeprefix("v")[0]

    with pytest.raises(Refusal):
        release.run("upgrade", f"--set=image.tag={broken}", "--timeout=20s", ON_FAILURE[major])

    assert release.pods() == before
    images = [
        each["spec"]["template"]["spec"]["containers"][0]["image"]
        for each in release.items("apis/apps/v1/deployments")
    ]
    assert set(images) == {IMAGE}


def test_a_rollback_brings_the_old_config_back(release: Release) -> None:
    release.run("install")
    release.run("upgrade", config=f"{CONFIG}# more\n")

    release.helm("rollback", "bkc", "1", "--wait", "--timeout=300s")

    texts = [each.get("data", {}) for each in release.items("api/v1/configmaps")]
    [market] = [
        text["connector.yaml"]
        for text in texts
        if "subscriptions" in text.get("connector.yaml", "")
    ]
    assert market == CONFIG


def test_a_drain_evicts_one_shard_at_a_time(release: Release) -> None:
    release.run("install")
    [budget] = [
        each
        for each in release.items("apis/policy/v1/poddisruptionbudgets")
        if each["metadata"]["name"].endswith("market")
    ]

    assert budget["status"]["expectedPods"] == 2
    assert budget["status"]["disruptionsAllowed"] == 1


def test_helm_is_the_version_that_is_pinned() -> None:
    assert helm_program().name.rpartition("-")[2] in helm("version", "--short")
