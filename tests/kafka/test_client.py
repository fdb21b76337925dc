"""Why a cluster does not answer, by what librdkafka reports of its connections."""

from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from connector.errors import Refused
from connector.kafka.client import ConnectionErrors, is_no_answer, metadata, open_client

DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down")
REFUSED = KafkaError(KafkaError._TRANSPORT, "Connect to k:1 failed: Connection refused")
TIMED_OUT = KafkaException(KafkaError(KafkaError._TRANSPORT, "Failed to get metadata"))


class SilentClient:
    """A client of a cluster that does not answer; each poll reports the next error."""

    def __init__(self, errors: ConnectionErrors, *reports: KafkaError) -> None:
        self._errors, self._reports = errors, list(reports)
        self.calls = 0

    def list_topics(self, *, timeout: float) -> Any:
        del timeout
        self.calls += 1
        raise TIMED_OUT

    def poll(self, timeout: float) -> int:
        del timeout
        if self._reports:
            self._errors.note(self._reports.pop(0))
        return 0


def test_that_all_brokers_are_down_is_no_cause() -> None:
    errors = ConnectionErrors()
    errors.note(DOWN)
    assert errors.cause is None
    errors.note(REFUSED)

    assert "Connection refused" in str(errors.cause)
    assert errors.explain(TIMED_OUT) == errors.cause


def test_without_a_cause_the_first_report_is_the_explanation_or_the_error_itself() -> None:
    errors = ConnectionErrors()
    assert errors.explain(None) == ""
    assert "Failed to get metadata" in errors.explain(TIMED_OUT)
    errors.note(DOWN)

    assert "brokers are down" in errors.explain(TIMED_OUT)


def test_topics_are_listed_again_until_the_cause_of_the_silence_is_known() -> None:
    errors = ConnectionErrors()
    client = SilentClient(errors, DOWN, REFUSED)

    with pytest.raises(KafkaException):
        metadata(client, errors, 60.0)

    assert client.calls == 2


def test_an_unknown_silence_ends_with_the_time() -> None:
    errors = ConnectionErrors()
    client = SilentClient(errors)

    with pytest.raises(KafkaException):
        metadata(client, errors, 0.0)

    assert client.calls == 1


def test_a_client_with_a_wrong_setting_is_refused() -> None:
    with pytest.raises(Refused, match=r"kafka: .*No such configuration"):
        open_client(Producer, {"lingr.ms": 5}, ConnectionErrors().note)


@pytest.mark.parametrize(
    ("code", "passing"),
    [
        (KafkaError._TIMED_OUT, True),
        (KafkaError._TRANSPORT, True),
        (KafkaError.REQUEST_TIMED_OUT, True),
        (KafkaError.NOT_CONTROLLER, True),
        (KafkaError._UNSUPPORTED_FEATURE, False),  # an older cluster will never have the call
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, False),
        (KafkaError.INVALID_REPLICATION_FACTOR, False),
        (KafkaError.TOPIC_ALREADY_EXISTS, False),
    ],
)
def test_an_error_that_stands_is_told_from_one_that_passes(code: int, passing: bool) -> None:
    assert is_no_answer(KafkaError(code)) is passing
