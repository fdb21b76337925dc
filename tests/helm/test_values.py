"""values.yaml, its schema, and what helm refuses."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from tests.helm.chart import (
    ACCOUNT_CONFIG,
    CHART,
    CONFIG,
    VALUES,
    Refusal,
    merged,
    rendered,
    rendered_text,
)

SCHEMA: dict[str, Any] = json.loads((CHART / "values.schema.json").read_text())
DEFAULTS: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())


def properties(schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[Any, Any]]:
    """Yield path and schema of every value that the chart reads."""
    for name, value in schema.get("properties", {}).items():
        if name != "global":
            yield (*path, name), value
            yield from properties(value, (*path, name))


def paths(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every default, down to what Kubernetes takes as it stands."""
    for name, value in values.items():
        yield (*path, name)
        if "properties" in OURS.get((*path, name), {}):
            yield from paths(value, (*path, name))


OURS: dict[tuple[str, ...], dict[str, Any]] = dict(properties(SCHEMA))
LEAVES = {".".join(path) for path, value in OURS.items() if "properties" not in value}
# Left to Kubernetes while nobody sets them.
NO_DEFAULT = {path for path in OURS if path[-1] == "initialDelaySeconds"}


def test_every_value_has_a_default_and_a_description() -> None:
    assert set(paths(DEFAULTS)) == set(OURS) - NO_DEFAULT
    assert [path for path, value in OURS.items() if not value.get("description")] == []


def test_every_level_that_is_ours_refuses_unknown_keys() -> None:
    levels = [
        level
        for level in (SCHEMA, *OURS.values(), *SCHEMA["$defs"].values())
        if "properties" in level
    ]

    assert len(levels) > 15
    assert [level for level in levels if level["additionalProperties"] is not False] == []


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"replicaCount": 2}, "replicaCount"),
        ({"autoscaling": {"enabled": True}}, "autoscaling"),
        ({"market": {"shard": 2}}, "shard"),
        ({"market": {"shards": 0}}, "shards"),
        ({"market": {"pod": {"replicas": 2}}}, "replicas"),
        ({"market": {"pod": {"port": 9090}}}, "port"),
        ({"market": {"secrets": {"kafka": {"password": "x"}}}}, "password"),
        ({"market": {"secrets": {"kafka": "x"}}}, "kafka"),
        ({"market": {"secrets": {"config": {"existingSecret": "x"}}}}, "config"),
        ({"accounts": {"desk-1": {"apiKey": "x", "config": ACCOUNT_CONFIG}}}, "apiKey"),
        ({"accounts": {"desk-1": {}}}, "config"),
        ({"accounts": {"Desk_1": {"config": ACCOUNT_CONFIG}}}, "Desk_1"),
        ({"podDisruptionBudget": {"minAvailable": 1}}, "minAvailable"),
        ({"podDisruptionBudget": {"maxUnavailable": "one"}}, "maxUnavailable"),
        ({"pod": {"startupProbe": {"httpGet": {"path": "/"}}}}, "httpGet"),
        ({"pod": {"terminationGracePeriodSeconds": 5}}, "terminationGracePeriodSeconds"),
        ({"networkPolicy": {"allowExternalEgress": True}}, "allowExternalEgress"),
        ({"networkPolicy": {"kafka": {"port": [9092]}}}, "port"),
        ({"podMonitor": {"label": {}}}, "label"),
        ({"strimzi": {"topics": [{"name": "a"}]}}, "partitions"),
        ({"image": {"digest": "abc"}}, "digest"),
        ({"image": {"pullPolicy": "Sometimes"}}, "pullPolicy"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(Refusal) as refusal:
        rendered(changes)

    assert "don't meet the specifications of the schema" in str(refusal.value)
    assert named in str(refusal.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"market": {"config": ""}}, "market.config is empty: give the config file"),
        ({"market": {"config": "a: b: c"}}, "market.config is no map in YAML"),
        ({"market": {"config": "- a"}}, "market.config is no map in YAML"),
        ({"market": {"config": {"accounts": []}}}, "market.config has accounts: it is the file of"),
        (
            {"accounts": {"a": {"config": {"subscriptions": []}}}},
            "accounts.a.config has subscriptions: it is the file of the other worker",
        ),
        ({"market": {"config": {"server": {"port": 1}}}}, "pod.port sets the port"),
        ({"accounts": {"a": {"config": {"shard": {}}}}}, "accounts.a.config has shard"),
        ({"image": {"repository": ""}}, "image.repository: where is the image?"),
        ({"pod": {"env": {"BKC_SHARD__INDEX": "1"}}}, "pod.env has BKC_SHARD__INDEX"),
        ({"strimzi": {"enabled": True}}, "strimzi.cluster: which Kafka resource?"),
        ({"market": {"enabled": False}}, "nothing to run"),
        (
            {"accounts": {"a": {"config": ACCOUNT_CONFIG}, "b": {"config": ACCOUNT_CONFIG}}},
            "accounts.b.config names its writer as accounts.a does",
        ),
        ({"prometheusRule": {"enabled": True, "rules": ["a"]}}, "prometheusRule.rules has a"),
        ({"dashboards": {"enabled": True, "names": ["a"]}}, "dashboards.names has a"),
    ],
)
def test_what_cannot_work_is_refused_with_its_cure(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(Refusal) as refusal:
        rendered(changes)

    assert message in str(refusal.value)


PROBES = [f"pod.{name}Probe" for name in ("startup", "liveness", "readiness")]
PEER = [{"ipBlock": {"cidr": "10.0.0.0/8"}}]
# For every value of the chart another one: a value that changes nothing is not read.
OTHER: dict[str, Any] = {
    "nameOverride": "other",
    "fullnameOverride": "other",
    "commonLabels": {"a": "b"},
    "commonAnnotations": {"a": "b"},
    "image.registry": "registry",
    "image.repository": "other",
    "image.tag": "2",
    "image.digest": f"sha256:{'a' * 64}",
    "image.pullPolicy": "Always",
    "imagePullSecrets": [{"name": "a"}],
    "market.enabled": False,
    "market.config": f"{CONFIG}# other",
    "market.shards": 3,
    "market.shareAddress": False,
    "market.standby": True,
    "market.secrets": {"a": {"existingSecret": "b"}},
    "market.pod": {"minReadySeconds": 1},
    "accounts": {"b": {"config": f"instance: other\n{ACCOUNT_CONFIG}"}},
    "pod.port": 9090,
    "pod.labels": {"a": "b"},
    "pod.annotations": {"a": "b"},
    "pod.env": {"A": "b"},
    "pod.envFrom": [{"configMapRef": {"name": "a"}}],
    "pod.resources": {"limits": {"memory": "1Gi"}},
    "pod.resizePolicy": [],
    "pod.securityContext": {"runAsUser": 7},
    "pod.containerSecurityContext": {"runAsUser": 7},
    **{f"{probe}.initialDelaySeconds": 77 for probe in PROBES},
    **{f"{probe}.periodSeconds": 77 for probe in PROBES},
    **{f"{probe}.timeoutSeconds": 77 for probe in PROBES},
    **{f"{probe}.failureThreshold": 77 for probe in PROBES},
    "pod.terminationGracePeriodSeconds": 77,
    "pod.minReadySeconds": 77,
    "pod.progressDeadlineSeconds": 77,
    "pod.revisionHistoryLimit": 77,
    "pod.rollOnConfigChange": False,
    "pod.serviceAccount.create": False,
    "pod.serviceAccount.name": "other",
    "pod.serviceAccount.annotations": {"a": "b"},
    "pod.temporaryStorage": "1Gi",
    "pod.extraVolumes": [{"name": "a", "emptyDir": {}}],
    "pod.extraVolumeMounts": [{"name": "a", "mountPath": "/a"}],
    "pod.nodeSelector": {"a": "b"},
    "pod.tolerations": [],
    "pod.affinity": {"nodeAffinity": {"a": "b"}},
    "pod.topologySpreadConstraints": [{"maxSkew": 2}],
    "pod.priorityClassName": "high",
    "pod.hostUsers": False,
    "checkConfig.enabled": False,
    "checkConfig.activeDeadlineSeconds": 77,
    "podDisruptionBudget.enabled": False,
    "podDisruptionBudget.maxUnavailable": "50%",
    "networkPolicy.enabled": False,
    "networkPolicy.metricsFrom": PEER,
    "networkPolicy.dns.to": PEER,
    "networkPolicy.kafka.to": PEER,
    "networkPolicy.kafka.ports": [1],
    "networkPolicy.schemaRegistry.to": PEER,
    "networkPolicy.schemaRegistry.ports": [1],
    "networkPolicy.exchange.ports": [1],
    "networkPolicy.exchange.blocks": [{"cidr": "1.1.1.1/32"}],
    "networkPolicy.extraIngress": [{"ports": [{"port": 1}]}],
    "networkPolicy.extraEgress": [{"ports": [{"port": 1}]}],
    "podMonitor.enabled": False,
    "podMonitor.labels": {"a": "b"},
    "podMonitor.interval": "1s",
    "podMonitor.scrapeTimeout": "1s",
    "podMonitor.sampleLimit": 1,
    "podMonitor.relabelings": [{"action": "drop"}],
    "podMonitor.metricRelabelings": [{"action": "drop"}],
    "prometheusRule.enabled": False,
    "prometheusRule.labels": {"a": "b"},
    "prometheusRule.rules": ["market", "consumers"],
    "prometheusRule.runbook": "https://a",
    "dashboards.enabled": False,
    "dashboards.names": ["shard"],
    "dashboards.namespace": "grafana",
    "dashboards.labels": {"dashboard": "yes"},
    "dashboards.annotations": {"folder": "a"},
    "strimzi.enabled": False,
    "strimzi.cluster": "other",
    "strimzi.namespace": "other",
    "strimzi.users": False,
    "strimzi.topics": [{"name": "a", "partitions": 1}],
    "helmTest.enabled": False,
    "extraObjects": [{"kind": "ConfigMap", "metadata": {"name": "a"}}],
}
# Switches, and values that only some texts are allowed for.
ALONE = {name for name, value in OTHER.items() if isinstance(value, bool) or value == []} | {
    "image.digest",
    "image.pullPolicy",
    "market.config",
    "market.pod",
    "market.shards",
    "accounts",
    "podDisruptionBudget.maxUnavailable",
    "prometheusRule.rules",
    "dashboards.names",
}
ALL_ON: dict[str, Any] = {
    "market": {"shards": 2},
    "accounts": {"a": {"config": ACCOUNT_CONFIG}},
    "networkPolicy": {"enabled": True},
    "podMonitor": {"enabled": True},
    "prometheusRule": {"enabled": True},
    "dashboards": {"enabled": True},
    "strimzi": {"enabled": True, "cluster": "my"},
}


@pytest.fixture(scope="module")
def all_on() -> str:
    return rendered_text(ALL_ON)


def test_the_table_has_another_value_for_every_value() -> None:
    assert set(OTHER) == LEAVES


def marked(value: Any, mark: int) -> Any:
    """Return a value of the same shape whose texts, numbers and keys `a` hold a mark."""
    if isinstance(value, dict):
        return {f"a{mark}" if key == "a" else key: marked(of, mark) for key, of in value.items()}
    if isinstance(value, list):
        return [marked(each, mark) for each in value]
    return mark if isinstance(value, int) else f"v{mark}"


def changes_of(name: str, value: Any) -> Any:
    """Return the values in which only this one is given."""
    for key in reversed(name.split(".")):
        value = {key: value}
    return value


def test_every_value_that_is_passed_on_is_in_the_documents() -> None:
    marks = {name: 7001 + number for number, name in enumerate(sorted(set(OTHER) - ALONE))}
    values: dict[str, Any] = ALL_ON
    for name, mark in marks.items():
        values = merged(values, changes_of(name, marked(OTHER[name], mark)))

    text = rendered_text(values)

    assert len(marks) > 50
    assert [name for name, mark in marks.items() if str(mark) not in text] == []


@pytest.mark.parametrize("name", sorted(ALONE))
def test_every_switch_changes_the_documents(name: str, all_on: str) -> None:
    assert rendered_text(merged(ALL_ON, changes_of(name, OTHER[name]))) != all_on


def test_values_of_a_parent_chart_are_let_be() -> None:
    assert rendered({"global": {"anything": 1}}) == rendered()


def test_the_schema_takes_the_defaults() -> None:
    assert rendered(merged(DEFAULTS, VALUES)) == rendered()
