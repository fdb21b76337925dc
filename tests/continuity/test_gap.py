"""A gap as it begins."""

from connector.continuity.gap import Gap


def test_nothing_of_a_new_gap_is_known_but_its_left_edge() -> None:
    gap = Gap("00ff", "sequence", 10, 1_000)

    assert (gap.after_id, gap.after_ms, gap.missing, gap.filled_to) == (None, None, None, None)
    assert (gap.recovered, gap.expired, gap.whole, gap.epoch) == (0, 0, False, 0)


def test_two_gaps_are_two_though_their_edges_are_the_same() -> None:
    assert Gap("00ff", "sequence", 10, 1_000) != Gap("00ff", "sequence", 10, 1_000)
