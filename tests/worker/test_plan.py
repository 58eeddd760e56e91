"""What a worker is to do, and what serves static files."""

from __future__ import annotations

from typing import Any

import pytest

from zmqlayer.worker.plan import BadPlan, Plan, choose_http_consumer
from zmqlayer.worker.staticfiles import StaticFilesConsumer


def test_the_plan_of_who_says_nothing() -> None:
    """Four threads in one process, and five seconds to finish."""
    assert Plan() == Plan("default", 4, 1, 1000, 5.0, (), ())


@pytest.mark.parametrize(
    ("numbers", "sentence"),
    [
        ({"n_threads": 0}, "--threads is 0, and must be from 1 to 1,000"),
        ({"n_processes": 5_000}, "--processes is 5000, and must be from 1 to 1,000"),
        ({"grace_s": float("nan")}, "--graceful-timeout is nan, and must be from 0 to 86,400"),
    ],
)
def test_numbers_have_a_range(numbers: dict[str, Any], sentence: str) -> None:
    """An error names the flag, the value and what it may be."""
    with pytest.raises(BadPlan, match=f"^{sentence}$"):
        Plan(**numbers)


@pytest.mark.parametrize(
    ("is_installed", "debug", "is_wanted", "is_insecure", "is_served"),
    [
        (True, True, True, False, True),
        (True, False, True, False, False),
        (True, False, True, True, True),
        (True, True, False, True, False),
        (False, True, True, True, False),
    ],
)
def test_who_serves_static_files(
    is_installed: bool,
    debug: bool,
    is_wanted: bool,
    is_insecure: bool,
    is_served: bool,
    settings: Any,
) -> None:
    """Only where Django's app for them is installed, while debugging or when the developer insists."""
    settings.DEBUG = debug
    settings.STATIC_URL = "static/"
    if is_installed:
        settings.INSTALLED_APPS = ["django.contrib.staticfiles", "zmqlayer.worker"]

    consumer = choose_http_consumer(is_static_wanted=is_wanted, is_insecure=is_insecure)

    assert (consumer is not None) is is_served
    if isinstance(consumer, StaticFilesConsumer):
        assert consumer.handler.is_static("/static/style.css")  # type: ignore[attr-defined]  # it is a StaticFilesHandler
