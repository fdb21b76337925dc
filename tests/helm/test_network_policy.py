"""What the network policies let through, and what they never do."""

from typing import Any

import pytest

from tests.helm.chart import CHART, Document, example, of_kind, rendered


@pytest.fixture(scope="module")
def policies() -> dict[str, Any]:
    """Return the spec of each policy of the fullest example, by component."""
    return by_component(example(CHART / "ci" / "everything-values.yaml"))


def by_component(found: list[Document]) -> dict[str, Any]:
    return {
        each["metadata"]["labels"]["app.kubernetes.io/component"]: each["spec"]
        for each in of_kind(found, "NetworkPolicy")
    }


def test_every_policy_closes_both_directions(policies: dict[str, Any]) -> None:
    assert set(policies) == {"market", "account", "test"}
    for policy in policies.values():
        assert policy["policyTypes"] == ["Ingress", "Egress"]


def test_nothing_goes_out_to_all_ports(policies: dict[str, Any]) -> None:
    rules = [rule for policy in policies.values() for rule in policy["egress"]]

    assert len(rules) >= 10
    assert [rule for rule in rules if not rule.get("ports")] == []


def test_the_exchange_is_any_public_address_and_no_private_one(policies: dict[str, Any]) -> None:
    [rule] = [each for each in policies["market"]["egress"] if "ipBlock" in str(each)]

    assert [port["port"] for port in rule["ports"]] == [443, 9443]
    refused = [address for peer in rule["to"] for address in peer["ipBlock"]["except"]]
    assert {"10.0.0.0/8", "169.254.0.0/16", "192.168.0.0/16", "fc00::/7"} <= set(refused)


def test_scrapers_that_are_named_reach_the_port_and_nobody_else_does(
    policies: dict[str, Any],
) -> None:
    [rule] = policies["market"]["ingress"]

    assert [port["port"] for port in rule["ports"]] == [8080]
    assert [list(peer) for peer in rule["from"]] == [["namespaceSelector"], ["podSelector"]]
    assert "ingress" not in policies["test"]


@pytest.mark.parametrize(
    ("servers", "url", "ports"),
    [
        ("kafka-1:9093, kafka-2:9094", "https://registry/ccompat", ([9093, 9094], [443])),
        (["kafka-1:9093", "kafka-2:9093"], "http://registry", ([9093], [80])),
        ("[::1]:9092", "http://user@registry:8081/apis/ccompat/v7", ([9092], [8081])),
        ("kafka", "http://registry:8081", ([9092], [8081])),
    ],
)
def test_ports_of_kafka_and_registry_are_those_of_the_config(
    servers: Any, url: str, ports: tuple[list[int], list[int]]
) -> None:
    config = {"kafka": {"bootstrap_servers": servers}, "schema_registry": {"url": url}}

    found = rendered({"market": {"config": config}, "networkPolicy": {"enabled": True}})

    rules = by_component(found)["market"]["egress"]
    assert tuple([port["port"] for port in rule["ports"]] for rule in rules[1:3]) == ports


def test_an_account_has_a_policy_of_its_own() -> None:
    config = {"kafka": {"bootstrap_servers": "k:1"}}
    accounts = {name: {"config": config | {"instance": name}} for name in ("a", "b")}

    found = rendered({"accounts": accounts, "networkPolicy": {"enabled": True}})

    selected = [
        each["spec"]["podSelector"]["matchLabels"].get("worker")
        for each in of_kind(found, "NetworkPolicy")
    ]
    assert sorted(filter(None, selected)) == ["a", "b"]
