"""What is said of a setting that does not exist."""

from __future__ import annotations

import pytest

from zmqlayer.config import Config
from zmqlayer.exceptions import ConfigError
from zmqlayer.unknown import CHANNELS_REDIS, explain


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
