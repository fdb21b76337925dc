"""What the chart renders: the faults of other charts that ours must not have, and its promises."""

import json
from typing import Any

import pytest
import yaml

from tests.helm.chart import (
    ACCOUNT_CONFIG,
    CHART,
    CONFIG,
    Document,
    config_name,
    config_of,
    example,
    is_hook,
    of_kind,
    pods,
    rendered,
)

NAME = "bkc-binance-kafka-connector"
RELEASE = ["ConfigMap", "Deployment", "PodDisruptionBudget", "Service", "ServiceAccount"]


@pytest.fixture(scope="module")
def everything() -> list[Document]:
    return example(CHART / "ci" / "everything-values.yaml")


def test_labels_and_annotations_of_all_kinds_stand_side_by_side(everything: list[Document]) -> None:
    for deployment in of_kind(everything, "Deployment"):
        metadata = deployment["spec"]["template"]["metadata"]
        selected = deployment["spec"]["selector"]["matchLabels"]
        assert metadata["labels"].items() >= selected.items()
        assert metadata["labels"]["cost-centre"] == "42"
        assert metadata["labels"]["team"] == "market-data"
        assert metadata["annotations"]["example.com/note"] == "yes"
        assert deployment["metadata"]["annotations"] == {"example.com/owner": "market-data"}
        assert {"helm.sh/chart", "app.kubernetes.io/version", "team"}.isdisjoint(selected)


def test_a_common_label_changes_no_selector() -> None:
    own = {"app.kubernetes.io/component": "other", "shard": "7"}

    [deployment] = of_kind(rendered({"commonLabels": own, "pod": {"labels": own}}), "Deployment")

    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert (labels["app.kubernetes.io/component"], labels["shard"]) == ("market", "0")


def test_a_budget_of_zero_is_kept_and_an_unready_pod_never_blocks_a_drain(
    everything: list[Document],
) -> None:
    budgets = [each["spec"] for each in of_kind(everything, "PodDisruptionBudget")]

    assert len(budgets) == 2
    assert [budget["maxUnavailable"] for budget in budgets] == [0, 0]
    assert [budget for budget in budgets if "minAvailable" in budget] == []
    assert {budget["unhealthyPodEvictionPolicy"] for budget in budgets} == {"AlwaysAllow"}


def test_env_and_env_from_stand_side_by_side(everything: list[Document]) -> None:
    for pod in pods(of_kind(everything, "Deployment")):
        [container] = pod["containers"]
        values = {entry["name"]: entry for entry in container["env"]}
        assert values["BKC_LOGS__LEVEL"]["value"] == "DEBUG"
        assert values["NODE_NAME"]["valueFrom"] == {"fieldRef": {"fieldPath": "spec.nodeName"}}
        source = {"configMapRef": {"name": "more-settings", "optional": True}}
        assert container["envFrom"] == [source]


def test_numbers_and_booleans_become_the_text_that_was_written() -> None:
    env = {"A": 1000680000, "B": True, "C": "01"}

    [pod] = pods(of_kind(rendered({"pod": {"env": env}}), "Deployment"))

    values = {entry["name"]: entry["value"] for entry in pod["containers"][0]["env"]}
    assert (values["A"], values["B"], values["C"]) == ("1000680000", "true", "01")


def test_a_changed_config_rolls_the_pods_of_that_worker_alone() -> None:
    accounts = {"desk-1": {"config": ACCOUNT_CONFIG}}

    before = checksums(rendered({"accounts": accounts}))
    after = checksums(rendered({"accounts": accounts, "market": {"config": f"{CONFIG}# more\n"}}))
    labelled = checksums(rendered({"accounts": accounts, "commonLabels": {"a": "b"}}))

    assert {name for name, found in before.items() if after[name] != found} == {f"{NAME}-market-0"}
    assert labelled == before


def checksums(found: list[Document]) -> dict[str, str]:
    """Return the checksum of the config by deployment, of those that have one."""
    annotations = {
        each["metadata"]["name"]: each["spec"]["template"]["metadata"]["annotations"]
        for each in of_kind(found, "Deployment")
    }
    key = "checksum/config"
    return {name: notes[key] for name, notes in annotations.items() if key in notes}


def test_no_template_depends_on_the_cluster_or_on_chance() -> None:
    """Else `helm template` and Argo CD would render another thing than `helm upgrade`."""
    texts = [path.read_text() for path in (CHART / "templates").rglob("*") if path.is_file()]

    assert len(texts) > 10
    words = ("lookup", "randAlpha", "now ", "genCA", "uuidv4")
    assert [word for word in words for text in texts if f"{word}" in text] == []


def test_probes_are_always_there_and_ask_the_worker_alone(everything: list[Document]) -> None:
    for pod in pods(of_kind(everything, "Deployment")):
        [container] = pod["containers"]
        probes = {name: container[f"{name}Probe"] for name in ("startup", "liveness", "readiness")}
        paths = {name: probe["httpGet"]["path"] for name, probe in probes.items()}
        assert paths == {"startup": "/startupz", "liveness": "/livez", "readiness": "/readyz"}
        assert probes["readiness"]["failureThreshold"] > 1
        startup = probes["startup"]
        assert startup["periodSeconds"] * startup["failureThreshold"] >= 3600


def test_a_new_pod_is_ready_before_the_old_one_ends(everything: list[Document]) -> None:
    for deployment in of_kind(everything, "Deployment"):
        rolling = {"maxSurge": 1, "maxUnavailable": 0}
        assert deployment["spec"]["replicas"] == 1
        assert deployment["spec"]["strategy"] == {"type": "RollingUpdate", "rollingUpdate": rolling}
        assert deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 60


def test_shards_share_the_plan_and_the_limits_of_their_address() -> None:
    config = {"kafka": {"bootstrap_servers": "k:1"}, "limits": {"share": 0.8}}

    found = of_kind(rendered({"market": {"shards": 4, "config": config}}), "Deployment")

    variables = [
        {entry["name"]: entry["value"] for entry in pod["containers"][0]["env"]}
        for pod in pods(found)
    ]
    assert [each["BKC_SHARD__INDEX"] for each in variables] == ["0", "1", "2", "3"]
    assert {each["BKC_SHARD__COUNT"] for each in variables} == {"4"}
    assert {each["BKC_LIMITS__SHARE"] for each in variables} == {"0.2000"}
    assert len({str(each["spec"]["selector"]) for each in found}) == 4


@pytest.mark.parametrize("market", [{"shards": 1}, {"shards": 4, "shareAddress": False}])
def test_a_shard_with_an_address_of_its_own_keeps_the_whole_share(market: dict[str, Any]) -> None:
    found = list(pods(of_kind(rendered({"market": market}), "Deployment")))

    names = {entry["name"] for pod in found for entry in pod["containers"][0]["env"]}
    assert len(found) == market["shards"]
    assert "BKC_LIMITS__SHARE" not in names


def test_a_shard_with_a_standby_has_two_pods_on_two_nodes_if_that_is_possible() -> None:
    found = of_kind(rendered({"market": {"shards": 2, "standby": True}}), "Deployment")

    for deployment, pod in zip(found, pods(found), strict=True):
        variables = {entry["name"]: entry["value"] for entry in pod["containers"][0]["env"]}
        [term] = pod["affinity"]["podAntiAffinity"][
            "preferredDuringSchedulingIgnoredDuringExecution"
        ]
        assert deployment["spec"]["replicas"] == 2
        assert (variables["BKC_STANDBY"], variables["BKC_LIMITS__SHARE"]) == ("true", "0.2500")
        assert term["podAffinityTerm"]["topologyKey"] == "kubernetes.io/hostname"
        selector = term["podAffinityTerm"]["labelSelector"]
        assert selector == deployment["spec"]["selector"]


def test_without_a_standby_a_shard_has_one_pod() -> None:
    [deployment] = of_kind(rendered(), "Deployment")

    [pod] = pods([deployment])
    assert deployment["spec"]["replicas"] == 1
    assert "affinity" not in pod
    assert "BKC_STANDBY" not in {entry["name"] for entry in pod["containers"][0]["env"]}


def test_a_config_is_mounted_word_for_word() -> None:
    config = "\n  # indented\n" + "".join(f"  {line}\n" for line in CONFIG.splitlines())

    found = rendered({"market": {"config": config}})

    [deployment] = of_kind(found, "Deployment")
    assert config_of(found, deployment) == config


def test_a_config_may_be_a_map() -> None:
    found = rendered({"market": {"config": yaml.safe_load(CONFIG)}})

    [deployment] = of_kind(found, "Deployment")
    assert yaml.safe_load(config_of(found, deployment)) == yaml.safe_load(CONFIG)


def test_the_hook_checks_the_config_that_the_pods_will_read(everything: list[Document]) -> None:
    [job] = of_kind(everything, "Job")
    [checked] = [each["data"] for each in of_kind(everything, "ConfigMap") if is_hook(each)]

    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    containers = {each["name"]: each for pod in pods([job]) for each in pod["containers"]}
    for deployment in of_kind(everything, "Deployment"):
        worker = config_name(deployment).removeprefix(f"{NAME}-")
        assert containers[worker]["args"] == ["check", f"/etc/bkc/check/{worker}.yaml"]
        assert checked[f"{worker}.yaml"] == config_of(everything, deployment)
    assert len(containers) == 2


def test_hooks_depend_on_nothing_that_is_made_after_them(everything: list[Document]) -> None:
    """At an install the service accounts of the release are not there yet."""
    hooks = [each for each in everything if is_hook(each)]

    assert len(list(pods(hooks))) == 2
    assert [pod for pod in pods(hooks) if "serviceAccountName" in pod] == []


def test_secrets_are_files_that_only_the_pods_group_can_read() -> None:
    items = [{"key": "a", "path": "b"}]
    secrets = {"binance": {"existingSecret": "desk-1", "items": items}}

    [pod] = pods(of_kind(rendered({"market": {"secrets": secrets}}), "Deployment"))

    [volume] = [each["secret"] for each in pod["volumes"] if "secret" in each]
    assert volume == {"secretName": "desk-1", "defaultMode": 0o440, "items": items}
    mounts = {each["mountPath"]: each for each in pod["containers"][0]["volumeMounts"]}
    assert mounts["/etc/bkc/binance"]["readOnly"] is True
    assert "secret" not in str(pod["containers"][0]["env"]).lower()


def test_a_worker_sees_its_own_secrets_alone(everything: list[Document]) -> None:
    names = {
        each["metadata"]["name"].removeprefix(f"{NAME}-"): [
            volume["secret"]["secretName"]
            for volume in each["spec"]["template"]["spec"]["volumes"]
            if "secret" in volume
        ]
        for each in of_kind(everything, "Deployment")
    }

    assert names == {
        "market-0": ["my-cluster-ca-cert", f"{NAME}-market"],
        "market-1": ["my-cluster-ca-cert", f"{NAME}-market"],
        "account-desk-1": ["desk-1-binance", "my-cluster-ca-cert", f"{NAME}-account-desk-1"],
    }
    accounts = of_kind(everything, "ServiceAccount")
    assert [each["automountServiceAccountToken"] for each in accounts] == [False, False]


def test_the_example_for_strimzi_logs_on_as_the_users_that_it_makes(
    everything: list[Document],
) -> None:
    users = {each["metadata"]["name"] for each in of_kind(everything, "KafkaUser")}
    used = {
        yaml.safe_load(config_of(everything, each))["kafka"]["security"]["username"]
        for each in of_kind(everything, "Deployment")
    }

    assert used == users


def test_what_one_worker_changes_changes_no_other() -> None:
    pod = {"minReadySeconds": 0, "rollOnConfigChange": False, "tolerations": []}

    found = rendered({"accounts": {"desk-1": {"config": ACCOUNT_CONFIG, "pod": pod}}})

    deployments = {
        each["metadata"]["labels"]["app.kubernetes.io/component"]: each
        for each in of_kind(found, "Deployment")
    }
    seconds = {name: each["spec"]["minReadySeconds"] for name, each in deployments.items()}
    assert seconds == {"market": 10, "account": 0}
    rolls = {name: checksums([each]) != {} for name, each in deployments.items()}
    assert rolls == {"market": True, "account": False}
    assert "tolerations" not in deployments["account"]["spec"]["template"]["spec"]


def test_large_ids_stay_whole_and_null_leaves_an_id_out() -> None:
    changes = {"pod": {"securityContext": {"runAsUser": 1000680000, "fsGroup": None}}}

    contexts = [pod["securityContext"] for pod in pods(rendered(changes))]

    assert len(contexts) == 3
    assert {each["runAsUser"] for each in contexts} == {1000680000}
    assert {each.get("fsGroup") for each in contexts} == {None}


def test_the_digest_wins_over_the_tag() -> None:
    digest = f"sha256:{'0' * 64}"
    image = {"registry": "r.example.com", "repository": "bkc", "tag": "1", "digest": digest}

    images = {each["containers"][0]["image"] for each in pods(rendered({"image": image}))}

    assert images == {f"r.example.com/bkc@{digest}"}


def test_principals_of_market_and_accounts_share_no_topic(everything: list[Document]) -> None:
    users = rights(everything)

    assert users["account-desk-1"] == {
        ("binance.account-", "prefix"): ["Write", "DescribeConfigs", "Create"],
        ("binance.account-markers", "literal"): ["Read"],
        ("binance.account-progress", "literal"): ["Read"],
        ("binance.account.", "prefix"): ["Write", "Describe"],
    }
    market = users["market"]
    assert market["binance.spot.", "prefix"] == ["Write", "DescribeConfigs", "Read"]
    assert market["risk.liquidations", "literal"] == ["Write", "DescribeConfigs", "Read"]
    assert [name for name, _ in market if "binance.account-".startswith(name)] == []


def rights(found: list[Document]) -> dict[str, dict[tuple[str, str], list[str]]]:
    """Return what each worker's principal may do: (name, pattern) -> operations."""
    return {
        user["metadata"]["name"].removeprefix(f"{NAME}-"): {
            (acl["resource"]["name"], acl["resource"]["patternType"]): acl["operations"]
            for acl in user["spec"]["authorization"]["acls"]
        }
        for user in of_kind(found, "KafkaUser")
    }


def test_rights_follow_prefix_instance_and_templates_of_the_config() -> None:
    config = {
        "exchange": "testnet",
        "instance": "mine",
        "kafka": {"bootstrap_servers": "k:1"},
        "subscriptions": [{"topic": "{prefix}.perpetuals.{kind}"}, {"topic": "other-{symbol}"}],
    }
    strimzi = {"enabled": True, "cluster": "my"}

    found = rights(rendered({"market": {"config": config}, "strimzi": strimzi}))["market"]

    write = ["Write", "DescribeConfigs", "Create", "Read"]
    assert found["testnet.binance.perpetuals.", "prefix"] == write
    assert found["other-", "prefix"] == write
    assert found["testnet.binance.mine.", "prefix"] == ["Write", "Describe"]


def test_uninstalling_keeps_topics_and_their_large_numbers(everything: list[Document]) -> None:
    topics = {each["spec"]["topicName"]: each for each in of_kind(everything, "KafkaTopic")}

    assert set(topics) == {"binance.spot.trade", "risk.liquidations"}
    for topic in topics.values():
        assert topic["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    assert topics["binance.spot.trade"]["spec"]["config"]["retention.ms"] == 604_800_000


def test_prometheus_finds_the_pods_and_refuses_a_page_that_explodes(
    everything: list[Document],
) -> None:
    [monitor] = of_kind(everything, "PodMonitor")

    assert monitor["metadata"]["labels"]["release"] == "kube-prometheus-stack"
    assert monitor["spec"]["sampleLimit"] == 10_000
    [endpoint] = monitor["spec"]["podMetricsEndpoints"]
    for deployment in of_kind(everything, "Deployment"):
        template = deployment["spec"]["template"]
        selected = monitor["spec"]["selector"]["matchLabels"]
        assert template["metadata"]["labels"].items() >= selected.items()
        [container] = template["spec"]["containers"]
        assert container["ports"][0]["name"] == endpoint["port"]


def test_rules_are_those_of_the_files_word_for_word(everything: list[Document]) -> None:
    found = {
        each["metadata"]["name"].removeprefix(f"{NAME}-"): each["spec"]
        for each in of_kind(everything, "PrometheusRule")
    }

    assert set(found) == {"market", "account", "consumers"}
    for name, spec in found.items():
        text = (CHART / "rules" / f"{name}.yaml").read_text()
        linked = text.replace("docs/runbook.md", "https://example.com/runbook")
        assert spec == yaml.safe_load(linked)


def test_dashboards_are_those_of_the_files(everything: list[Document]) -> None:
    found = [each for each in of_kind(everything, "ConfigMap") if "-dashboard-" in named(each)]

    assert {named(each) for each in found} == {
        f"{NAME}-dashboard-{name}" for name in ("overview", "shard", "account")
    }
    for config_map in found:
        assert config_map["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert config_map["metadata"]["annotations"]["grafana_folder"] == "Market data"
        [(file, text)] = config_map["data"].items()
        path = CHART / "dashboards" / file.removeprefix(f"{NAME}-")
        assert json.loads(text) == json.loads(path.read_text())


def named(document: Document) -> str:
    return str(document["metadata"]["name"])


def test_extra_objects_know_the_release(everything: list[Document]) -> None:
    assert {"release": "bkc"} in [each["data"] for each in of_kind(everything, "ConfigMap")]


def test_a_release_with_the_least_values_needs_no_operator() -> None:
    assert sorted({each["kind"] for each in rendered() if not is_hook(each)}) == RELEASE


def test_names_fit_what_kubernetes_takes_whatever_the_release_is_called() -> None:
    found = rendered({"accounts": {"a" * 20: {"config": ACCOUNT_CONFIG}}}, name="r" * 53)

    assert max(len(each["metadata"]["name"]) for each in of_kind(found, "Service")) <= 63
    assert max(len(each["metadata"]["name"]) for each in found) <= 63 + len("-0123456789-abcde")
