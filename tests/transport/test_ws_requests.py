"""Requests and their answers, by id, and errors that have none."""

from connector.binance.ws_messages import Answer
from connector.transport.ws_requests import PendingRequests, SubscriptionRejected


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


def test_a_refusal_names_one_stream_or_the_first_of_several() -> None:
    answer = Answer(7, code=2, message="Invalid request")

    assert str(SubscriptionRejected(7, ["a@trade"], answer)) == (
        "request 7 refused: 2 Invalid request (a@trade)"
    )
    assert str(SubscriptionRejected(7, ["a@trade", "b@trade"], answer)).endswith("(a@trade ...)")
