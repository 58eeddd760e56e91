"""What an ASGI worker may be told."""

from __future__ import annotations

from typing import Any

import pytest

from zmqlayer.exceptions import ConfigError
from zmqlayer.worker.asgi.options import AsgiOptions


def test_the_defaults_are_valid() -> None:
    """Both kinds of connections, a thousand at a time."""
    options = AsgiOptions()

    assert (options.channels, options.limit_concurrency) == (("http.request", "websocket.connect"), 1000)


def test_how_long_an_application_may_take_to_end() -> None:
    """Its lifespan begins to end when its requests have, and has as long again."""
    assert AsgiOptions(graceful_timeout_s=7.0).ending_s == 14.0


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        ({"channels": ()}, "one or more of http.request, websocket.connect"),
        ({"channels": ("http.disconnect",)}, "one or more of"),
        ({"limit_concurrency": 0}, "0 is below 1"),
        ({"graceful_timeout_s": -1.0}, "-1.0 is not from 0 to 86,400"),
        ({"graceful_timeout_s": 86_401.0}, "86401.0 is not from 0 to 86,400"),
        ({"graceful_timeout_s": float("nan")}, "nan is not from 0 to 86,400"),
        ({"prefetch": -1}, "-1 is below 0"),
        ({"loop": "trio"}, "'trio' is none of auto, asyncio, uvloop"),
    ],
)
def test_what_cannot_work_is_named(wrong: dict[str, Any], problem: str) -> None:
    """By its setting."""
    with pytest.raises(ConfigError, match=problem):
        AsgiOptions(**wrong)
