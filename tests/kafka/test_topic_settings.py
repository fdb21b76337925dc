"""Which settings of topics are refused or warned of, and the commands that cure."""

import pytest

from connector.config.sections import KafkaSettings, SecuritySettings
from connector.kafka.topic_settings import (
    DescribedTopic,
    TopicReport,
    TopicRole,
    grant,
    judge,
    settings_of_new,
    topic_roles,
)

KAFKA = KafkaSettings(bootstrap_servers="kafka-1:9092")
ROLES: tuple[TopicRole, ...] = ("data", "marker", "progress", "dead_letter")
DAY_MS = 86_400_000
ALTER = "kafka-configs --bootstrap-server kafka-1:9092 --alter --entity-type topics"
EVERYTHING = frozenset({"READ", "WRITE", "DESCRIBE"})


def topic(role: TopicRole, name: str = "", replicas: int = 3, **changes: str) -> DescribedTopic:
    """Return a topic with nothing wrong but the changes: `min_insync_replicas="1"`."""
    settings = {
        "cleanup.policy": "compact" if role == "progress" else "delete",
        "message.timestamp.type": "CreateTime",
        "max.message.bytes": "1048588",
        "retention.ms": str(7 * DAY_MS),
        "min.insync.replicas": "2",
        **{key.replace("_", "."): value for key, value in changes.items()},
    }
    return DescribedTopic(name or f"t.{role}", role, settings, replicas, EVERYTHING)


def judged(*topics: DescribedTopic) -> TopicReport:
    return judge(topics, KAFKA)


def test_topics_as_they_are_created_are_good() -> None:
    assert judged(*(topic(role) for role in ROLES)) == TopicReport((), (), ())


@pytest.mark.parametrize("retention_ms", [None, -1, DAY_MS, 999 * DAY_MS])
def test_what_we_say_of_new_topics_is_judged_good(retention_ms: int | None) -> None:
    made = [
        DescribedTopic(f"t.{role}", role, settings_of_new(role, retention_ms), 3) for role in ROLES
    ]

    assert judged(*made) == TopicReport((), (), ())


@pytest.mark.parametrize("role", ROLES)
def test_new_topics_say_their_cleanup_policy_whatever_the_clusters_default(role: TopicRole) -> None:
    wanted = "compact" if role == "progress" else "delete"

    assert settings_of_new(role, None)["cleanup.policy"] == wanted


@pytest.mark.parametrize(
    ("found", "effect", "right"),
    [
        (
            topic("data", cleanup_policy="compact"),
            "of the events of a key only the last is kept",
            "cleanup.policy=delete",
        ),
        (
            topic("marker", cleanup_policy="compact,delete"),
            "of the markers of a key only the last is kept",
            "cleanup.policy=delete",
        ),
        (
            topic("progress", cleanup_policy="delete"),
            "a restart begins it anew",
            "cleanup.policy=compact",
        ),
        (
            topic("progress", cleanup_policy="compact,delete"),
            "a restart begins it anew",
            "cleanup.policy=compact",
        ),
        (
            topic("data", replicas=1, min_insync_replicas="2"),
            "nothing can be stored: the topic has 1 replica",
            "min.insync.replicas=1",
        ),
    ],
)
def test_settings_that_lose_what_is_promised_are_refused(
    found: DescribedTopic, effect: str, right: str
) -> None:
    report = judged(found)

    [text] = report.refused
    assert effect in text
    assert text.endswith(f"cure: {ALTER} --entity-name {found.name} --add-config {right}")
    assert report.warnings == ()


@pytest.mark.parametrize(
    ("found", "effect", "right"),
    [
        (
            topic("dead_letter", cleanup_policy="compact"),
            "of the dead letters of a stream only the last is kept",
            "cleanup.policy=delete",
        ),
        (
            topic("data", message_timestamp_type="LogAppendTime"),
            "the broker's time in place of the event's",
            "message.timestamp.type=CreateTime",
        ),
        (
            topic("data", max_message_bytes="8000"),
            "batches become smaller",
            "max.message.bytes=1048588",
        ),
        (
            topic("marker", retention_bytes="1000000"),
            "markers are deleted by size",
            "retention.bytes=-1",
        ),
        (
            topic("data", min_insync_replicas="1"),
            "acknowledged with one copy",
            "min.insync.replicas=2",
        ),
        (
            topic("data", unclean_leader_election_enable="true"),
            "may become the leader",
            "unclean.leader.election.enable=false",
        ),
        (
            topic("data", message_timestamp_before_max_ms="3600000"),
            "records that are fetched later than that are refused",
            "message.timestamp.before.max.ms=9223372036854775807",
        ),
        (
            topic("data", message_timestamp_after_max_ms="60000"),
            "the exchange's clock is ahead",
            "message.timestamp.after.max.ms=3600000",
        ),
    ],
)
def test_settings_that_promise_less_are_warned_of(
    found: DescribedTopic, effect: str, right: str
) -> None:
    report = judged(found)

    [text] = report.warnings
    assert effect in text
    assert text.endswith(f"--add-config {right}")
    assert report.refused == ()


@pytest.mark.parametrize(
    ("data_ms", "marker_ms", "right"),
    [
        (30 * DAY_MS, 7 * DAY_MS, f"retention.ms={30 * DAY_MS}"),
        (-1, 365 * DAY_MS, "retention.ms=-1"),
    ],
)
def test_markers_are_kept_as_long_as_the_data(data_ms: int, marker_ms: int, right: str) -> None:
    data, marker = (
        topic("data", retention_ms=str(data_ms)),
        topic("marker", retention_ms=str(marker_ms)),
    )

    [text] = judged(data, marker).warnings

    assert "markers are deleted before the data whose gaps they explain" in text
    assert text.endswith(f"--entity-name t.marker --add-config {right}")


def test_one_copy_on_a_cluster_of_one_is_nothing_to_warn_of() -> None:
    assert judged(topic("data", replicas=1, min_insync_replicas="1")).warnings == ()


def test_topics_with_the_same_problem_share_a_sentence_and_a_command() -> None:
    report = judged(*(topic("data", name, cleanup_policy="compact") for name in ("a", "b")))

    [text] = report.refused
    assert text.startswith("2 topics: cleanup.policy is compact: ")
    command = f"{ALTER} --entity-name $topic --add-config cleanup.policy=delete"
    assert text.endswith(f"for topic in a b; do {command}; done")


def test_a_setting_that_the_cluster_does_not_have_is_not_judged() -> None:
    assert judged(DescribedTopic("t", "data", {}, 0)) == TopicReport((), (), ())


@pytest.mark.parametrize(
    ("role", "rights", "text"),
    [
        (
            "progress",
            {"WRITE", "DESCRIBE", "CREATE"},
            "no READ on t; cure: kafka-acls --bootstrap-server kafka-1:9092 --add"
            " --allow-principal User:PRINCIPAL --operation Read --topic t",
        ),
        (
            "data",
            {"DESCRIBE"},
            "no WRITE on t; cure: kafka-acls --bootstrap-server kafka-1:9092 --add"
            " --allow-principal User:PRINCIPAL --operation Write --topic t",
        ),
    ],
)
def test_a_right_that_is_missing_is_named_with_the_command(
    role: TopicRole, rights: set[str], text: str
) -> None:
    found = DescribedTopic("t", role, {}, 0, frozenset(rights))

    assert judged(found).forbidden == (text,)


def test_rights_that_are_not_known_are_not_missing() -> None:
    assert judged(DescribedTopic("t", "progress", {}, 0)).forbidden == ()


def test_a_secured_cluster_wants_a_login_for_the_commands_and_has_our_name() -> None:
    security = SecuritySettings(
        protocol="SASL_SSL", mechanism="PLAIN", username="bkc-market", password_file="/word"
    )
    kafka = KafkaSettings(bootstrap_servers="k:9093", security=security)

    assert grant("DESCRIBE_CONFIGS", ["a", "b"], kafka) == (
        "kafka-acls --bootstrap-server k:9093 --command-config ADMIN.properties --add"
        " --allow-principal User:bkc-market --operation DescribeConfigs --topic a --topic b"
    )


def test_roles_follow_the_names_of_our_own_topics_and_no_other() -> None:
    own = {"p.markers": "marker", "p.progress": "progress"}

    assert topic_roles(["p.spot.trade", "my.progress"], own, "p.dead-letter") == {
        "p.spot.trade": "data",
        "my.progress": "data",
        "p.markers": "marker",
        "p.progress": "progress",
        "p.dead-letter": "dead_letter",
    }
