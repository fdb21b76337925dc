"""The state machine of take-over, alone and two of them beside a writer in any order of events."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.continuity.candidacy import (
    MAX_AGE_S,
    MAX_HANDOVER_WAIT_S,
    MAX_SILENCE_S,
    OVERLAP_S,
    RECOVERY_S,
    Appended,
    Candidate,
    Step,
)

AFTER_S = 5.0
LOOK_S = 0.25  # between two looks at the checkpoint topic
WRITTEN = Appended("writer", waiting_s=0.0)


def standby(run: str = "a", age_s: float | None = 0.0) -> Candidate:
    made = Candidate(run, 0.0, standby=True, takeover_after_s=AFTER_S)
    made.found(0.0, age_s)
    return made


def successor(age_s: float | None = 0.0) -> Candidate:
    made = Candidate("a", 0.0, standby=False, takeover_after_s=AFTER_S)
    made.found(0.0, age_s)
    return made


def looked(candidate: Candidate, first: float, last: float, *appended: Appended) -> None:
    """Look often from a time to another; each look finds these records."""
    now = first
    while now <= last:
        candidate.kafka_answered(now, appended)
        candidate.next_step(now, flowing=True)
        now += LOOK_S


# A process that is started to replace the writer


def test_a_successor_takes_over_at_once_where_nobody_writes() -> None:
    assert successor(None).next_step(0.0, flowing=False).step is Step.TAKE_OVER
    assert successor(MAX_AGE_S).next_step(0.0, flowing=False).step is Step.TAKE_OVER
    assert successor(MAX_AGE_S - 1).next_step(0.0, flowing=True).step is Step.WAIT


def test_a_successor_waits_until_the_writer_has_stored_what_is_read_here() -> None:
    candidate = successor()
    looked(candidate, LOOK_S, OVERLAP_S + LOOK_S, WRITTEN)
    assert candidate.next_step(OVERLAP_S + LOOK_S, flowing=True).step is Step.WAIT
    looked(candidate, OVERLAP_S + 2 * LOOK_S, OVERLAP_S + 4 * LOOK_S, WRITTEN)
    step = candidate.next_step(OVERLAP_S + 4 * LOOK_S, flowing=True)
    assert step == (Step.TAKE_OVER, "its streams flow")


def test_what_the_writer_has_read_and_not_stored_is_not_counted() -> None:
    candidate, behind = successor(), Appended("writer", waiting_s=4.0)
    looked(candidate, LOOK_S, 5.0, behind)
    assert candidate.stored_until == 5.0 - 2 * LOOK_S - 4.0
    assert candidate.next_step(5.0, flowing=True).step is Step.WAIT


def test_an_older_version_does_not_say_how_far_it_has_stored() -> None:
    candidate = successor()
    looked(candidate, LOOK_S, 5.0, Appended("writer"))
    assert candidate.stored_until is None


def test_a_successor_waits_for_streams_that_do_not_flow_but_not_for_ever() -> None:
    candidate = successor()
    now = 0.0
    while now < MAX_HANDOVER_WAIT_S:
        candidate.kafka_answered(now, [WRITTEN])
        assert candidate.next_step(now, flowing=False).step is Step.WAIT
        now += LOOK_S
    assert candidate.next_step(now, flowing=False).step is Step.TAKE_OVER


def test_a_successor_does_not_wait_for_a_writer_that_is_dead() -> None:
    candidate = successor()
    looked(candidate, LOOK_S, AFTER_S - LOOK_S)
    assert candidate.next_step(AFTER_S - LOOK_S, flowing=True).step is Step.WAIT
    candidate.kafka_answered(AFTER_S, [])
    step = candidate.next_step(AFTER_S, flowing=True)
    assert step == (Step.TAKE_OVER, "the writer stands still")


def test_a_successor_does_not_call_the_writer_dead_while_kafka_is_away() -> None:
    candidate = successor()
    looked(candidate, 0.0, 1.0, WRITTEN)
    step = candidate.next_step(1.0 + MAX_SILENCE_S + 0.1, flowing=True)
    assert step == (Step.WAIT, "Kafka does not answer")


def test_a_writer_that_was_stopped_is_followed_at_once() -> None:
    leaving = Appended("writer", leaves=True, waiting_s=0.0)
    for candidate, step in ((successor(), Step.TAKE_OVER), (standby(), Step.CLAIM)):
        looked(candidate, LOOK_S, 1.0, WRITTEN)
        candidate.kafka_answered(1.25, [WRITTEN, leaving])
        assert candidate.next_step(1.25, flowing=True).step is step


# A standby


def test_a_standby_claims_and_takes_over_from_a_writer_that_stands_still() -> None:
    candidate = standby()
    looked(candidate, 0.0, 3.0, WRITTEN)
    looked(candidate, 3.25, 3.0 + AFTER_S - LOOK_S)
    assert candidate.next_step(3.0 + AFTER_S - LOOK_S, flowing=True).step is Step.WAIT
    now = 3.0 + AFTER_S
    candidate.kafka_answered(now, [])
    assert candidate.next_step(now, flowing=True).step is Step.CLAIM
    candidate.claimed(now)
    assert candidate.next_step(now, flowing=True).step is Step.WAIT
    candidate.kafka_answered(now + 0.1, [Appended("a", is_claim=True)])
    assert candidate.next_step(now + 0.1, flowing=True).step is Step.TAKE_OVER


def test_an_empty_topic_is_claimed_at_once() -> None:
    assert standby(age_s=None).next_step(0.0, flowing=True).step is Step.CLAIM


def test_a_standby_gives_an_old_writer_time_to_return() -> None:
    candidate = standby(age_s=MAX_AGE_S)
    looked(candidate, 0.0, RECOVERY_S + AFTER_S - LOOK_S)
    now = RECOVERY_S + AFTER_S
    assert candidate.next_step(now - LOOK_S, flowing=True).step is Step.WAIT
    assert candidate.next_step(now, flowing=True).step is Step.CLAIM


@pytest.mark.parametrize("between", [Appended("b", is_claim=True), WRITTEN])
def test_a_claim_behind_another_claim_or_a_record_of_the_writer_is_lost(between: Appended) -> None:
    candidate = standby()
    looked(candidate, 0.0, AFTER_S)
    candidate.claimed(AFTER_S)
    candidate.kafka_answered(AFTER_S + 0.1, [between, Appended("a", is_claim=True)])
    assert candidate.next_step(AFTER_S + 0.1, flowing=True).step is Step.WAIT
    looked(candidate, AFTER_S + 0.1, 2 * AFTER_S)
    assert candidate.next_step(2 * AFTER_S + 0.2, flowing=True).step is Step.CLAIM


def test_the_first_claim_wins_whatever_claims_follow() -> None:
    candidate = standby()
    looked(candidate, 0.0, AFTER_S)
    candidate.claimed(AFTER_S)
    claims = [Appended("a", is_claim=True), Appended("b", is_claim=True)]
    candidate.kafka_answered(AFTER_S + 0.1, claims)
    assert candidate.next_step(AFTER_S + 0.1, flowing=True).step is Step.TAKE_OVER


def test_a_writer_that_lives_is_not_fenced_by_a_claim_that_was_won() -> None:
    candidate = standby()
    looked(candidate, 0.0, AFTER_S)
    candidate.claimed(AFTER_S)
    candidate.kafka_answered(AFTER_S + 0.1, [Appended("a", is_claim=True), WRITTEN])
    assert candidate.next_step(AFTER_S + 0.1, flowing=True).step is Step.WAIT


def test_a_claim_that_does_not_arrive_is_made_again() -> None:
    candidate = standby()
    looked(candidate, 0.0, AFTER_S)
    candidate.claimed(AFTER_S)
    looked(candidate, AFTER_S, 2 * AFTER_S + LOOK_S)
    assert candidate.next_step(2 * AFTER_S + LOOK_S, flowing=True).step is Step.CLAIM


def test_a_standby_whose_streams_do_not_flow_does_not_act() -> None:
    candidate = standby()
    looked(candidate, 0.0, 2 * AFTER_S)
    step = candidate.next_step(2 * AFTER_S, flowing=False)
    assert step == (Step.WAIT, "its streams do not flow")


def test_a_writer_has_time_to_find_back_to_kafka() -> None:
    candidate = standby()
    looked(candidate, 0.0, 1.0, WRITTEN)
    back = 60.0
    assert candidate.next_step(back - 1, flowing=True).why == "Kafka does not answer"
    looked(candidate, back, back + RECOVERY_S + AFTER_S - LOOK_S)
    now = back + RECOVERY_S + AFTER_S
    assert candidate.next_step(now - LOOK_S, flowing=True).step is Step.WAIT
    assert candidate.next_step(now, flowing=True).step is Step.CLAIM


# Two standbys and a writer, in any order of events


@dataclass
class Process:
    """A standby as a process: it looks at the log, and may be paused."""

    run: str
    candidate: Candidate
    read: int = 0  # records of the log that it has seen

    def look(self, world: "World") -> None:
        self.candidate.kafka_answered(world.now, world.log[self.read :])
        self.read = len(world.log)


@dataclass
class World:
    """The log of a shard, its writer, and two standbys that look at it."""

    log: list[Appended] = field(default_factory=list)
    now: float = 0.0
    writer: str = "first"
    wrote_at: float = 0.0
    trouble_at: float = 0.0  # Kafka was away, or the writer could not reach it, last
    slow: int = 0  # looks between fencing a writer and the first commit of the new one
    commits_in: int | None = None  # looks; None: no take-over is under way
    # How long after the newest record, or take-over; and who.
    takeovers: list[tuple[float, str]] = field(default_factory=list)
    standbys: list[Process] = field(default_factory=lambda: [_process("a"), _process("b")])

    def write(self) -> None:
        if self.commits_in is not None:
            if self.commits_in:
                self.commits_in -= 1
                return  # the new writer reads what is stored
            self.commits_in = None
        self.log.append(Appended(self.writer, waiting_s=0.0))
        self.wrote_at = self.now

    def act(self, process: Process, *, flowing: bool) -> None:
        step = process.candidate.next_step(self.now, flowing=flowing).step
        if step is Step.CLAIM:
            process.candidate.claimed(self.now)
            self.log.append(Appended(process.run, is_claim=True))
        elif step is Step.TAKE_OVER:
            self.takeovers.append((self.now - self.wrote_at, process.run))
            self.standbys.remove(process)
            self.writer, self.wrote_at, self.commits_in = process.run, self.now, self.slow


def _process(run: str) -> Process:
    return Process(run, standby(run))


MOMENT = st.fixed_dictionaries(
    {
        "writes": st.booleans(),
        "kafka": st.sampled_from([True, True, True, False]),
        "flowing": st.sampled_from([True, True, True, False]),
        "order": st.sampled_from(["ab", "ba", "a", "b"]),  # who looks, and who first
        "moments": st.integers(1, 60),  # of LOOK_S, that it is so
    }
)


def _pass(world: World, moment: dict[str, object]) -> None:
    """Let one look of time pass: what the writer, Kafka and the exchange do stays the same."""
    world.now += LOOK_S
    if not moment["kafka"]:
        world.trouble_at = world.now
        return
    if moment["writes"]:
        world.write()
    known = {process.run: process for process in world.standbys}
    looking = [known[run] for run in str(moment["order"]) if run in known]
    for process in looking:
        process.look(world)
    for process in looking:
        world.act(process, flowing=bool(moment["flowing"]))


@given(moments=st.lists(MOMENT, max_size=12), slow=st.integers(0, 12))
def test_nobody_takes_over_from_a_writer_that_did_not_stand_still(
    moments: list[dict[str, object]], slow: int
) -> None:
    world = World(slow=slow)
    for moment in moments:
        for _ in range(int(str(moment["moments"]))):
            _pass(world, moment)
    assert all(still_s >= AFTER_S for still_s, _ in world.takeovers)


@given(moments=st.lists(MOMENT, max_size=6), away=st.integers(17, 400))
def test_kafka_away_is_no_reason_to_take_over(moments: list[dict[str, object]], away: int) -> None:
    world = World()
    for moment in moments:
        for _ in range(int(str(moment["moments"]))):
            _pass(world, {**moment, "writes": True, "kafka": True})
    for _ in range(away):
        _pass(world, {"kafka": False})
    back = {"kafka": True, "flowing": True, "order": "ab", "writes": False}
    for _ in range(int(RECOVERY_S / LOOK_S)):  # the writer finds back as late as it may
        _pass(world, back)
    for _ in range(int(3 * AFTER_S / LOOK_S)):
        _pass(world, {**back, "writes": True})
    assert world.takeovers == []


@given(moments=st.lists(MOMENT, max_size=8), order=st.sampled_from(["ab", "ba"]))
def test_one_standby_takes_over_in_time_from_a_writer_that_stands_still(
    moments: list[dict[str, object]], order: str
) -> None:
    world = World()
    for moment in moments:
        for _ in range(int(str(moment["moments"]))):
            _pass(world, {**moment, "writes": True, "kafka": True})
    quiet = {"kafka": True, "flowing": True, "order": order, "writes": True}
    for _ in range(int((RECOVERY_S + MAX_SILENCE_S) / LOOK_S)):
        _pass(world, quiet)  # both look again, for a standby may have been paused
    assert world.takeovers == []
    for _ in range(int((AFTER_S + 3.0) / LOOK_S)):
        _pass(world, {**quiet, "writes": False} if not world.takeovers else quiet)
    assert len(world.takeovers) == 1
