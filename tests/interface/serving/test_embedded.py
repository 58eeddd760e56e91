"""A server inside another program: its plan. How it runs is tested with ``runserver``."""

from __future__ import annotations

import pytest

from zmqlayer.config import Config
from zmqlayer.interface.serving.embedded import EmbeddedServer, plan_for
from zmqlayer.interface.serving.given import BadOption
from zmqlayer.interface.serving.places import Tcp


def test_the_plan_of_one_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """The node is as it was said, options are read as they were given, and the environment is not asked."""
    monkeypatch.setenv("ZMQLAYER_INTERFACE_WORKER_TIMEOUT", "77")
    plan = plan_for(Config(cluster="blue"), "::1", 8000, {"http_timeout": "3", "ws_protocol": ["chat"]})

    assert plan.places == (Tcp("::1", 8000),)
    assert plan.config.cluster == "blue"
    assert (plan.options.http_timeout_s, plan.options.worker_timeout_s) == (3.0, 10.0)
    assert plan.options.ws_protocols == ("chat",)


def test_an_option_that_cannot_be_read() -> None:
    """The flag is named."""
    with pytest.raises(BadOption, match="--http-timeout: 'long' is not a number of seconds"):
        plan_for(Config(), "127.0.0.1", 8000, {"http_timeout": "long"})


def test_repr() -> None:
    """Whether it is open."""
    server = EmbeddedServer(plan_for(Config(), "127.0.0.1", 8000, {}), print)

    assert repr(server) == "<EmbeddedServer [closed]>"
