"""A circuit opens for a replica that fails, and gives it another chance."""

from causette.gateway.circuit import Circuit, Position


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def circuit() -> tuple[Circuit, Clock]:
    clock = Clock()
    return Circuit(clock, lambda: 0.5), clock


def fail(it: Circuit, clock: Clock, times: int) -> None:
    for _ in range(times):
        clock.now += 0.01
        began = it.begin()
        clock.now += 0.01
        it.failed(began)


def test_five_failures_in_a_row_open_it_and_a_success_between_them_does_not():
    it, clock = circuit()
    fail(it, clock, 4)
    it.begin()
    it.succeeded()
    fail(it, clock, 4)
    assert it.passable
    fail(it, clock, 1)
    assert it.position is Position.OPEN
    assert not it.passable


def test_half_of_the_last_twenty_open_it_though_never_five_in_a_row():
    it, clock = circuit()
    for _ in range(9):
        it.succeeded()
        fail(it, clock, 1)
    assert it.passable
    it.succeeded()
    fail(it, clock, 1)
    assert it.position is Position.OPEN


def test_requests_that_were_under_way_together_fail_once():
    it, clock = circuit()
    began = [it.begin() for _ in range(40)]
    clock.now += 1
    for each in began:
        it.failed(each)
    assert it.passable


def test_each_opening_is_longer_than_the_last_up_to_thirty_seconds_until_it_works_again():
    it, clock = circuit()
    fail(it, clock, 5)
    waits: list[float] = []
    for _ in range(7):
        waits.append(it.seconds_left)
        clock.now += it.seconds_left
        assert it.due
        it.half_open()
        it.failed(it.begin())
    assert [round(wait) for wait in waits] == [1, 2, 4, 8, 16, 30, 30]
    it.half_open()
    it.begin()
    it.succeeded()
    fail(it, clock, 5)
    assert round(it.seconds_left) == 1


def test_one_request_decides_and_if_it_is_given_up_the_next_one():
    it, clock = circuit()
    fail(it, clock, 5)
    it.half_open()
    it.begin()
    assert not it.passable
    it.abandoned()
    assert it.passable
    it.begin()
    it.succeeded()
    assert it.position is Position.CLOSED


def test_what_began_before_it_opened_does_not_close_it():
    it, clock = circuit()
    it.begin()
    fail(it, clock, 5)
    it.succeeded()
    assert it.position is Position.OPEN


def test_the_last_replica_is_not_left_out_for_long():
    it, _ = circuit()
    for _ in range(8):
        it.open()
    it.half_open()
    it.failed(it.begin(), longest=1.0)
    assert it.seconds_left == 1.0
