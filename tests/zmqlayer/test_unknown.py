"""What is said of a setting that does not exist."""

from __future__ import annotations

import pytest

from zmqlayer.config import SETTINGS, Config
from zmqlayer.exceptions import ConfigError
from zmqlayer.interface.serving.settings import SETTINGS as SERVER_SETTINGS
from zmqlayer.unknown import CHANNELS_REDIS, explain, misspelt_variables


def test_a_misspelt_setting_is_recognised() -> None:
    """The nearest name is offered, and all are listed."""
    said = explain("capacty", ["cluster", "capacity"])

    assert said == "is unknown; did you mean 'capacity'? The settings are capacity, cluster"


def test_a_setting_like_no_other_is_only_unknown() -> None:
    """Nothing is offered for what resembles nothing."""
    assert explain("xyz", ["cluster"]) == "is unknown; the settings are cluster"


@pytest.mark.parametrize("name", CHANNELS_REDIS)
def test_settings_of_channels_redis_are_explained(name: str) -> None:
    """Who changes only the backend is told what to do about each setting that is left."""
    with pytest.raises(ConfigError, match=rf"^setting '{name}': of channels_redis "):
        Config.from_settings({name: "anything"})


OURS = [setting.variable for setting in SETTINGS]
SERVERS = [*(setting.variable for setting in SERVER_SETTINGS), "ZMQLAYER_INTERFACE_CONFIG"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("ZMQLAYER_SECERT", "ZMQLAYER_SECRET"),
        ("ZMQLAYER_CAPACTY", "ZMQLAYER_CAPACITY"),
        ("ZMQLAYER_SEED", "ZMQLAYER_SEEDS"),
        ("ZMQLAYER_CLUSTR", "ZMQLAYER_CLUSTER"),
    ],
)
def test_misspelt_variables_are_found(name: str, meant: str) -> None:
    """Each with the one that was meant; those that exist are not told."""
    assert misspelt_variables({name: "1", "ZMQLAYER_BIND": "1", "HOME": "/"}, OURS) == [(name, meant)]


@pytest.mark.parametrize("known", [OURS, SERVERS])
def test_variables_of_others_are_left_alone(known: list[str]) -> None:
    """Those of other parts of the project, and those that a container platform makes of a service of our name."""
    others = ["ROUTING", "WORKER_LIFELINE", "TEST_POSTGRES", "PORT", "PORT_80_TCP_ADDR", "SERVICE_HOST", "SERVICE_PORT"]
    others += ["INTERFACE_PORT_80_TCP_ADDR", "INTERFACE_SERVICE_PORT"]

    assert misspelt_variables([*OURS, *SERVERS, *(f"ZMQLAYER_{name}" for name in others)], known) == []
