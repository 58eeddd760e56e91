"""From settings to a node: what the constructors make of keywords and of the environment."""

from __future__ import annotations

import sys

import pytest

import zmqlayer
from zmqlayer import ChannelLayer, ConfigError, SyncChannelLayer
from zmqlayer.compose import build_node, open_layer
from zmqlayer.config import Config
from zmqlayer.greetings import MAX_HOSTS
from zmqlayer.limits import Limits


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no setting of whoever runs the tests leak in."""
    for setting in zmqlayer.config.SETTINGS:
        monkeypatch.delenv(setting.variable, raising=False)


@pytest.mark.parametrize("kind", [ChannelLayer, SyncChannelLayer])
def test_layers_take_settings_as_keywords(kind: type[ChannelLayer], monkeypatch: pytest.MonkeyPatch) -> None:
    """Making a layer checks its settings and starts nothing; its role is the program's name."""
    monkeypatch.setattr(sys, "argv", ["/usr/bin/daphne"])

    layer = kind(cluster="red", discovery="off", capacity=5, prefetch=2)

    assert (layer.cluster, layer.capacity, layer.node.config.prefetch, layer.role) == ("red", 5, 2, "daphne")
    layer.node.close()


def test_the_environment_fills_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """``ZMQLAYER_<SETTING>`` counts for what code does not say."""
    monkeypatch.setenv("ZMQLAYER_CLUSTER", "green")
    monkeypatch.setenv("ZMQLAYER_CAPACITY", "7")

    layer = SyncChannelLayer(cluster="red")

    assert (layer.cluster, layer.capacity) == ("red", 7)


@pytest.mark.parametrize(
    ("settings", "named"),
    [({"clutser": "red"}, "clutser"), ({"capacity": 0}, "capacity"), ({"seeds": ["nowhere"]}, "seeds")],
)
def test_wrong_settings_are_named_at_once(settings: dict[str, object], named: str) -> None:
    """Nothing is started with a setting that cannot work."""
    with pytest.raises(ConfigError) as caught:
        SyncChannelLayer(**settings)

    assert caught.value.setting == named


def test_commands_give_their_node_a_role() -> None:
    """People tell nodes apart by role."""
    layer = open_layer(Config(discovery="off"), "interface")

    assert layer.role == "interface"


def test_the_pipes_hold_more_than_the_windows_admit() -> None:
    """ZeroMQ's limits are a safety net beyond ours, never the limit that users meet."""
    config = Config(discovery="off", peer_messages=10)

    assert build_node(config)._transport._pipe_frames > config.peer_messages


def test_everybody_within_the_limits_can_be_dialled() -> None:
    """Every peer, every candidate, and every host of those whose hosts are tried, all at the same time."""
    config = Config(discovery="off", limits=Limits(peers=2000, candidates=300, routes=10))

    assert build_node(config)._transport._sockets._most_dialled == 2000 + 300 + 10 * MAX_HOSTS


@pytest.mark.parametrize(
    ("settings", "sources"),
    [
        ({"discovery": "off"}, []),
        ({"discovery": "off", "seeds": ["tcp://127.0.0.1:5000"]}, ["StaticDiscovery"]),
        ({"discovery": "off", "seeds": ["dns://mesh:1", "tcp://[::1]:1"]}, ["StaticDiscovery", "DnsDiscovery"]),
        ({"discovery": "off", "seeds": ["dns://mesh:1", "tcp://a:1"]}, ["DnsDiscovery"]),
        ({"discovery": "localhost"}, ["MdnsDiscovery"]),
        ({"discovery": "localhost", "seeds": ["tcp://127.0.0.1:5000"]}, ["StaticDiscovery", "MdnsDiscovery"]),
    ],
)
def test_settings_choose_the_discovery(settings: dict[str, object], sources: list[str]) -> None:
    """Seeds are dialled whatever ``discovery`` says."""
    node = build_node(Config.from_settings(settings))

    assert [type(source).__name__ for source in node._discovery._sources] == sources


def test_a_secret_makes_keys() -> None:
    """Without a secret there is no encryption, and with one there is."""
    plain, secret = build_node(Config(discovery="off")), build_node(Config(discovery="off", secrets=(b"s" * 32,)))

    assert not plain._transport._sockets.is_encrypted
    assert secret._transport._sockets.is_encrypted
