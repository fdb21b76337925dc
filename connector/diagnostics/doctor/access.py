"""Judges who may read and write a topic, from what a cluster shows of its access control.

What is not shown is not guessed: the result is `cannot tell`.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence

from connector.diagnostics.doctor.report import CheckResult
from connector.kafka.access import AclRule, ClusterAccess

EVERYBODY, ANONYMOUS = "User:*", "User:ANONYMOUS"
_ALL_TOPIC_RIGHTS = frozenset(
    ["READ", "WRITE", "CREATE", "DELETE", "ALTER", "DESCRIBE", "DESCRIBE_CONFIGS", "ALTER_CONFIGS"]
)
_ADD_RULES = (
    "add the ACLs of docs/account.md, and set allow.everyone.if.no.acl.found=false on the brokers"
)
_SHOW_RULES = (
    "let an administrator ask: bkc doctor account --admin-file FILE, or grant Describe on the"
    " cluster: kafka-acls --add --allow-principal PRINCIPAL --operation Describe --cluster"
)


def check_authorizer(access: ClusterAccess, own_rights: frozenset[str]) -> CheckResult:
    """Judge whether the brokers check rights at all."""
    check = "kafka.authorizer"
    if access.authorizer == "":
        text = "the brokers check no rights: everybody who connects may read and write every topic"
        cure = (
            "set authorizer.class.name on all brokers and controllers"
            " (org.apache.kafka.metadata.authorizer.StandardAuthorizer)"
        )
        return CheckResult(check, "fail", text, cure)
    if access.authorizer:
        return CheckResult(check, "ok", f"{access.authorizer.rpartition('.')[2]} checks rights")
    if own_rights and own_rights < _ALL_TOPIC_RIGHTS:
        return CheckResult(check, "ok", "rights are checked: our principal lacks some")
    text = "the brokers' settings are not shown to us, and we lack no right that would prove it"
    return CheckResult(check, "cannot tell", text, _SHOW_RULES)


def check_listeners(access: ClusterAccess) -> CheckResult:
    """Judge the listeners of the brokers: is there one without encryption or login?"""
    check, plain = "kafka.listeners", []
    if not access.protocols:
        text = "the brokers' listeners are not shown to us"
        return CheckResult(check, "cannot tell", text, _SHOW_RULES)
    for name, protocol in sorted(access.protocols.items()):
        if protocol in ("PLAINTEXT", "SASL_PLAINTEXT"):
            plain.append(f"{name} ({protocol})")
    if not plain:
        shown = ", ".join(f"{name} ({what})" for name, what in sorted(access.protocols.items()))
        return CheckResult(check, "ok", f"all are encrypted: {shown}")
    text = f"not encrypted: {', '.join(plain)}; PLAINTEXT lets everybody in as {ANONYMOUS}"
    return CheckResult(check, "warn", text, "close it, or let nobody but the brokers reach it")


def check_rules(
    topic: str,
    access: ClusterAccess,
    own_rights: frozenset[str],
    own: str | None,
    readers: Collection[str],
) -> Iterator[CheckResult]:
    """Judge the ACLs of a topic.

    Args:
        topic: Its name.
        access: What is shown of them.
        own_rights: What our principal may do with the topic.
        own: Our principal; None: not known (a client certificate).
        readers: Principals that are meant to read, `User:...`; empty: not said.
    """
    rules = None if access.rules is None else access.rules.get(topic, ())
    if access.authorizer == "":
        return  # rules would count for nothing
    if rules is None:
        text = f"who may read {topic} is not shown to us"
        yield CheckResult("topic.readers", "cannot tell", text, _SHOW_RULES)
        return
    if not rules:
        yield _without_rules(topic, own_rights)
        return
    named = {*readers, own} if readers else ()  # ours: check_own_read says where it need not read
    yield _readers(topic, allowed(rules, "READ"), rules, named)
    yield _writers(topic, allowed(rules, "WRITE"), rules, own)


def check_transactional_id(
    name: str, access: ClusterAccess, own: str | None, cure: str = _SHOW_RULES
) -> Iterator[CheckResult]:
    """Judge whether our principal may write transactions.

    `own`: see `check_rules`; `cure`: where the rules are not shown to us.
    """
    check = "kafka.transactions"
    if access.authorizer == "" or own is None:
        return  # everybody may, or nobody can say who we are
    if access.rules is None:
        text = f"who may write transactions as {name} is not shown to us; every start tries it"
        yield CheckResult(check, "cannot tell", text, cure)
    elif {own, EVERYBODY} & set(allowed(access.id_rules, "WRITE")):
        yield CheckResult(check, "ok", f"{own} may write transactions as {name}")
    else:
        text = f"{own} may write no transactions as {name}: nothing can be stored"
        cure = (
            f"kafka-acls --add --allow-principal {own} --operation Write --operation Describe"
            f" --transactional-id {name}"
        )
        yield CheckResult(check, "fail", text, cure)


def check_own_read(topic: str, own_rights: frozenset[str]) -> CheckResult:
    """Judge whether our own principal may read the topic that it only writes."""
    check = "topic.own_read"
    if not own_rights:
        return CheckResult(check, "cannot tell", f"our rights on {topic} are not shown to us")
    if "READ" not in own_rights:
        return CheckResult(check, "ok", f"our principal may not read {topic}: it need not")
    text = f"our principal may read {topic}, and need not: who steals its password reads the past"
    return CheckResult(check, "warn", text, "grant it Write and DescribeConfigs alone")


def allowed(rules: Iterable[AclRule], operation: str) -> list[str]:
    """Return the principals that rules allow an operation, in order.

    A rule that denies is stronger than any that allows, where it holds for all hosts.
    """
    covering = [rule for rule in rules if rule.operation in (operation, "ALL")]
    denied = {rule.principal for rule in covering if not rule.allows and rule.host == "*"}
    if EVERYBODY in denied:
        return []
    return sorted({rule.principal for rule in covering if rule.allows} - denied)


def _without_rules(topic: str, own_rights: frozenset[str]) -> CheckResult:
    check = "topic.readers"
    if "READ" in own_rights:
        text = (
            f"no ACL covers {topic}, and we may read it: either everybody may"
            " (allow.everyone.if.no.acl.found), or our principal is a super user"
        )
        return CheckResult(check, "fail", text, _ADD_RULES)
    text = f"no ACL covers {topic}: nobody but super users may read or write it"
    return CheckResult(check, "warn", text, "add the ACLs of docs/account.md")


def _readers(
    topic: str, found: Sequence[str], rules: Sequence[AclRule], readers: Collection[str | None]
) -> CheckResult:
    check = "topic.readers"
    open_to = [name for name in found if name in (EVERYBODY, ANONYMOUS)]
    if open_to:
        text = f"{_named(open_to, rules, 'READ')} may read {topic}: no login is needed"
        return CheckResult(check, "fail", text, _remove(open_to, rules, "READ"))
    unknown = [name for name in found if name not in readers] if readers else []
    if unknown:
        text = f"{_named(unknown, rules, 'READ')} may read {topic}, and is not named as a reader"
        cure = f"{_remove(unknown, rules, 'READ')}; or name it: --reader"
        return CheckResult(check, "warn", text, cure)
    text = f"{_named(found, rules, 'READ') or 'nobody'} may read {topic}, super users beside"
    return CheckResult(check, "ok", text)


def _writers(
    topic: str, found: Sequence[str], rules: Sequence[AclRule], own: str | None
) -> CheckResult:
    check = "topic.writers"
    others = [name for name in found if name != own]
    if own is None:
        return CheckResult(check, "ok", f"{_named(found, rules, 'WRITE')} may write {topic}")
    if not others:
        return CheckResult(check, "ok", f"nobody but {own} may write {topic}, super users beside")
    text = f"{_named(others, rules, 'WRITE')} may write {topic}: events of it can be forged"
    return CheckResult(check, "warn", text, _remove(others, rules, "WRITE"))


def _named(principals: Sequence[str], rules: Sequence[AclRule], operation: str) -> str:
    """Return principals, each with the pattern by which it is allowed."""
    return ", ".join(f"{name} (by {_pattern(name, rules, operation)})" for name in principals)


def _pattern(principal: str, rules: Sequence[AclRule], operation: str) -> str:
    return next(
        rule.pattern
        for rule in rules
        if rule.allows and rule.principal == principal and rule.operation in (operation, "ALL")
    )


def _remove(principals: Sequence[str], rules: Sequence[AclRule], operation: str) -> str:
    """Return the command that takes the right from the first of the principals."""
    pattern = _pattern(principals[0], rules, operation)
    name = pattern[:-1] if pattern.endswith("*") and pattern != "*" else pattern
    kind = " --resource-pattern-type prefixed" if name != pattern else ""
    who = f"--allow-principal {principals[0]} --operation {operation.title()}"
    return f"kafka-acls --remove {who} --topic '{name}'{kind}"
