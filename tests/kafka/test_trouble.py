"""When Kafka is in trouble, why, and when a line of the log is due."""

from connector.kafka.trouble import (
    ANSWER_TIMEOUT_S,
    LOG_INTERVAL_S,
    UNANSWERED,
    KafkaTrouble,
    TroubleReport,
)

NOW = 1_000.0


def test_a_reported_error_is_trouble_until_records_are_stored() -> None:
    trouble = KafkaTrouble()
    trouble.report("_TRANSPORT: refused")
    while_reported = trouble.cause(NOW, None)
    trouble.clear()

    assert (while_reported, trouble.cause(NOW, None)) == ("_TRANSPORT: refused", None)


def test_a_broker_that_says_nothing_is_trouble_without_any_report() -> None:
    trouble = KafkaTrouble()

    assert trouble.cause(NOW, NOW - ANSWER_TIMEOUT_S + 0.1) is None
    assert trouble.cause(NOW, NOW - ANSWER_TIMEOUT_S) == UNANSWERED


def test_a_missing_topic_is_trouble_though_other_records_are_stored() -> None:
    trouble = KafkaTrouble()
    trouble.set_missing({"binance.spot.trade": "create it"})
    trouble.clear()
    while_missing = trouble.cause(NOW, None)
    trouble.set_missing({})

    assert (while_missing, trouble.cause(NOW, None)) == (
        "topic binance.spot.trade: create it",
        None,
    )


def test_each_cause_is_logged_once_and_the_end_of_all_with_its_length() -> None:
    trouble = KafkaTrouble()
    lines = [trouble.to_log(NOW, None)]
    for second, cause in enumerate(("down", "down", "refused", "down")):
        trouble.report(cause)
        lines.append(trouble.to_log(NOW + second, None))
    trouble.clear()
    lines += [trouble.to_log(NOW + 9, None), trouble.to_log(NOW + 10, None)]

    assert lines == [
        None,
        TroubleReport("down", 0.0),
        None,
        TroubleReport("refused", 2.0),
        None,
        TroubleReport(None, 9.0),
        None,
    ]


def test_trouble_that_lasts_is_logged_again() -> None:
    trouble = KafkaTrouble()
    trouble.report("down")
    trouble.to_log(NOW, None)

    assert trouble.to_log(NOW + LOG_INTERVAL_S - 1, None) is None
    assert trouble.to_log(NOW + LOG_INTERVAL_S, None) == TroubleReport("down", LOG_INTERVAL_S)


def test_that_all_brokers_are_down_does_not_hide_why() -> None:
    trouble = KafkaTrouble()
    down = "_ALL_BROKERS_DOWN: 1/1 brokers are down"
    causes = []
    for report in (down, "_TRANSPORT: refused", down, "_AUTHENTICATION: wrong"):
        trouble.report(report)
        causes.append(trouble.cause(NOW, None))

    assert causes == [down, "_TRANSPORT: refused", "_TRANSPORT: refused", "_AUTHENTICATION: wrong"]
