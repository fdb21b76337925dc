"""Who may do what by the ACLs of a topic, judged as the broker does."""

from connector.diagnostics.doctor.access import allowed, check_authorizer, check_rules
from connector.kafka.access import AclRule, ClusterAccess

TOPIC = "binance.account-events"
SOME = frozenset({"WRITE", "DESCRIBE"})


def rule(
    principal: str, operation: str = "READ", host: str = "*", **changes: bool | str
) -> AclRule:
    pattern = str(changes.get("pattern", TOPIC))
    return AclRule(
        f"User:{principal}", host, operation, changes.get("allows", True) is True, pattern
    )


def test_a_denial_is_stronger_than_every_right() -> None:
    rules = [rule("risk"), rule("market"), rule("market", "ALL", allows=False)]

    assert allowed(rules, "READ") == ["User:risk"]


def test_a_denial_of_everybody_leaves_nobody() -> None:
    assert allowed([rule("risk"), rule("*", allows=False)], "READ") == []


def test_a_denial_from_one_host_leaves_the_others() -> None:
    rules = [rule("risk"), rule("risk", host="10.0.0.1", allows=False)]

    assert allowed(rules, "READ") == ["User:risk"]


def test_all_operations_are_each_of_them() -> None:
    rules = [rule("admin", "ALL"), rule("writer", "WRITE"), rule("viewer", "DESCRIBE")]

    assert allowed(rules, "READ") == ["User:admin"]
    assert allowed(rules, "WRITE") == ["User:admin", "User:writer"]


def test_who_has_every_right_proves_no_authorizer() -> None:
    topic_rights = "READ WRITE CREATE DELETE ALTER DESCRIBE DESCRIBE_CONFIGS ALTER_CONFIGS"
    every = frozenset(topic_rights.split(" "))
    unseen = ClusterAccess(None, None, {})

    assert check_authorizer(unseen, every).status == "cannot tell"
    assert check_authorizer(unseen, frozenset()).status == "cannot tell"
    assert check_authorizer(unseen, SOME).status == "ok"


def test_a_prefix_is_removed_as_a_prefix() -> None:
    access = ClusterAccess({TOPIC: (rule("spy", pattern="binance.*"),)}, "Authorizer", {})

    [readers, _] = check_rules(TOPIC, access, SOME, "User:me", ["User:risk"])

    assert readers.status == "warn"
    assert readers.text.startswith(f"User:spy (by binance.*) may read {TOPIC}")
    assert readers.cure == (
        "kafka-acls --remove --allow-principal User:spy --operation Read --topic 'binance.'"
        " --resource-pattern-type prefixed; or name it: --reader"
    )
