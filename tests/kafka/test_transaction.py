"""Which records of a transaction are data, dead letters, and the checkpoint."""

from connector.kafka.transaction import Transaction


def test_data_comes_first_then_dead_letters_then_the_checkpoint() -> None:
    transaction = Transaction(data=2, dead_letters=1)

    parts = [transaction.part_of(position) for position in range(4)]

    assert parts == ["data", "data", "dead letters", "checkpoint"]


def test_what_was_left_out_is_not_stored() -> None:
    transaction = Transaction(data=3, dead_letters=2)

    assert transaction.stored(()) == (3, 2)
    assert transaction.stored({0, 2, 4, 5}) == (1, 1)
