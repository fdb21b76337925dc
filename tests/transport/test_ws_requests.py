"""Requests and their answers, by id, and errors that have none."""

import asyncio
from collections.abc import Callable

import pytest

from connector.binance.envelope import wrap
from connector.binance.ws_messages import Answer, subscribe, unsubscribe
from connector.errors import Retry
from connector.transport.ws_requests import (
    AnswerLate,
    PendingRequests,
    RequestPace,
    SubscriptionRejected,
)
from tests.support.waiting import GIVE_UP_S


async def test_an_answer_goes_to_the_request_of_its_id() -> None:
    requests = PendingRequests()
    with requests.open() as (first_id, first), requests.open() as (second_id, second):
        requests.resolve(Answer(second_id))
        requests.resolve(Answer(99))
        requests.resolve(Answer(None, code=3))  # of one of two: not known which

        assert first_id != second_id
        assert second.result() == Answer(second_id)
        assert not first.done()


async def test_an_error_without_an_id_goes_to_the_only_request_and_a_second_answer_nowhere() -> (
    None
):
    requests = PendingRequests()
    with requests.open() as (number, answer):
        requests.resolve(Answer(None))
        assert not answer.done()
        requests.resolve(Answer(None, code=3, message="Invalid JSON"))
        requests.resolve(Answer(number))

        assert answer.result().code == 3


async def test_a_request_given_up_is_forgotten() -> None:
    requests = PendingRequests()
    with requests.open() as (number, answer):
        pass
    requests.resolve(Answer(number))

    assert not answer.done()


class Wire:
    """A connection that notes what is sent; what the other side does: `on_send`, `on_ping`."""

    def __init__(self) -> None:
        self.closed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.sent: list[bytes] = []
        self.pings = 0
        self.on_send: Callable[[], object] = lambda: None
        self.on_ping: Callable[[], object] = lambda: None

    async def send(self, message: bytes) -> None:
        self.sent.append(message)
        self.on_send()

    def send_ping(self) -> None:
        self.pings += 1
        self.on_ping()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connector.transport.ws_requests.PING_INTERVAL_S", 0.001)


async def test_a_request_is_made_once_the_one_before_is_answered() -> None:
    wire, requests = Wire(), PendingRequests()
    wire.on_send = lambda: requests.resolve(Answer(len(wire.sent)))

    await requests.make(wire, subscribe, [f"{number}@trade" for number in range(251)], GIVE_UP_S)

    assert [message.count(b"@trade") for message in wire.sent] == [250, 1]
    assert (wire.pings, requests.unproved) == (0, {})


async def test_pings_are_sent_until_a_late_answer_comes() -> None:
    wire, requests = Wire(), PendingRequests()

    def answer_the_third() -> None:
        if wire.pings == 3:
            requests.resolve(Answer(1))

    wire.on_ping = answer_the_third
    await requests.make(wire, unsubscribe, ["a@trade"], GIVE_UP_S)

    assert wire.pings == 3


async def test_a_request_without_an_answer_and_without_data_is_late() -> None:
    wire, requests = Wire(), PendingRequests()

    with pytest.raises(AnswerLate, match="no answer to request 1 of 2 streams"):
        await requests.make(wire, subscribe, ["a@trade", "b@trade"], 0.01)

    assert len(wire.sent) == 1


async def test_an_answer_to_a_request_that_was_given_up_is_no_answer_to_the_next_one() -> None:
    requests = PendingRequests()
    with requests.open() as (late, _):
        pass
    with requests.open() as (_, answer):
        requests.resolve(Answer(late, code=2, message="Invalid request"))

        assert not answer.done()


async def test_once_all_was_tried_a_request_counts_as_carried_out_without_an_answer() -> None:
    wire, requests = Wire(), PendingRequests()
    for _ in range(4):
        with pytest.raises(AnswerLate):
            await requests.make(wire, subscribe, ["a@trade"], 0.0001)

    await requests.make(wire, subscribe, ["a@trade"], 0.0001)

    assert len(wire.sent) == 5


async def test_data_of_one_of_its_streams_proves_a_subscription_that_is_not_answered() -> None:
    wire, requests = Wire(), PendingRequests()
    frames = [b"?", wrap(b"z@trade", b"{}"), wrap(b"b@trade", b"{}")]
    wire.on_send = lambda: requests.note_data(frames)

    await requests.make(wire, subscribe, ["a@trade", "b@trade"], GIVE_UP_S)

    assert (wire.pings, requests.unproved) == (0, {})


async def test_data_proves_no_unsubscription() -> None:
    wire, requests = Wire(), PendingRequests()
    wire.on_send = lambda: requests.note_data([wrap(b"a@trade", b"{}")])

    with pytest.raises(AnswerLate):
        await requests.make(wire, unsubscribe, ["a@trade"], 0.01)


async def test_a_connection_that_closes_ends_the_wait() -> None:
    wire, requests = Wire(), PendingRequests()
    wire.on_ping = lambda: wire.closed.set_result("1006 connection lost")

    with pytest.raises(Retry, match="closed before request 1 was answered: 1006"):
        await requests.make(wire, subscribe, ["a@trade"], GIVE_UP_S)


async def test_after_each_late_answer_requests_are_smaller_and_waited_for_longer() -> None:
    pace = RequestPace()
    found = []
    for _ in range(5):
        found.append((pace.max_bytes, pace.timeout_s(10.0)))
        pace.note_late()

    assert found == [(4000, 10.0), (2000, 20.0), (1000, 40.0), (500, 60.0), (500, 60.0)]


def test_a_refusal_names_one_stream_or_the_first_of_several() -> None:
    answer = Answer(7, code=2, message="Invalid request")

    assert str(SubscriptionRejected(7, ["a@trade"], answer)) == (
        "request 7 refused: 2 Invalid request (a@trade)"
    )
    assert str(SubscriptionRejected(7, ["a@trade", "b@trade"], answer)).endswith("(a@trade ...)")
