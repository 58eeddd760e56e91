"""What a client may do now and then."""

from zmqlayer.interface.clients.allowance import Allowance


def test_it_runs_out() -> None:
    """As much as there is at once may be spent at once, and no more."""
    allowance = Allowance(3, 1.0, now=0.0)

    assert [allowance.spend(0.0) for _ in range(4)] == [True, True, True, False]


def test_time_fills_it() -> None:
    """What was spent comes back with time."""
    allowance = Allowance(1, 0.5, now=10.0)
    assert allowance.spend(10.0)

    assert allowance.spend(12.0)
    assert not allowance.spend(13.0)


def test_it_never_holds_more_than_at_the_start() -> None:
    """Neither long rest nor much merit allows more at once."""
    allowance = Allowance(2, 1.0, now=0.0)
    allowance.earn(100)

    assert [allowance.spend(1_000.0) for _ in range(3)] == [True, True, False]


def test_merit_fills_it() -> None:
    """What is of use gives back what was spent."""
    allowance = Allowance(1, 0.0, now=0.0)
    assert allowance.spend(0.0)

    allowance.earn()

    assert allowance.spend(0.0)
    assert repr(allowance) == "<Allowance [0.0 of 1 left]>"
