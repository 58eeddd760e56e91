"""From what the operator said to what is run."""

from __future__ import annotations

from typing import Any

import click
import pytest

from zmqlayer.bodies import BODY_CAPACITY
from zmqlayer.interface.serving.config_file import ConfigFile
from zmqlayer.interface.serving.given import BadOption
from zmqlayer.interface.serving.places import Tcp
from zmqlayer.interface.serving.plan import Plan, make_plan


def plan_of(
    flags: dict[str, Any] | None = None, mesh: dict[str, Any] | None = None, file: dict[str, Any] | None = None
) -> Plan:
    """Return a plan from flags of the server, flags of the mesh, and the table of a file about the mesh."""
    return make_plan(flags or {}, mesh or {}, {}, ConfigFile("shop.toml", {}, file or {}), ())


def test_a_plan_needs_nothing() -> None:
    """Everything has a default."""
    plan = plan_of()

    assert (plan.config.cluster, plan.places, plan.options.http_timeout_s) == (
        "default",
        (Tcp("127.0.0.1", 8000),),
        120.0,
    )


def test_little_of_a_body_waits_for_a_worker() -> None:
    """Unless the operator knows better; other channels hold what they always hold."""
    config = plan_of(mesh={"capacity": 500}).config
    own = plan_of(mesh={"channel_capacity": ("http.request.body*=7",)}).config

    assert config.capacity_of("http.request.body?abc") == BODY_CAPACITY
    assert config.capacity_of("http.request") == 500
    assert own.capacity_of("http.request.body?abc") == 7


def test_the_layers_message_size_is_the_servers() -> None:
    """A body's pieces are kept below it."""
    assert plan_of(mesh={"max_message_size": "2000000"}).options.max_message_size == 2_000_000


@pytest.mark.parametrize(
    ("flags", "may_use_tls"),
    [
        ({}, False),
        ({"unix_socket": ("/run/web.sock",)}, False),
        ({"tls_cert": "site.pem"}, True),
        ({"endpoint": ("ssl:443",)}, True),
    ],
)
def test_a_plan_tells_whether_it_needs_tls(flags: dict[str, Any], may_use_tls: bool) -> None:
    """An endpoint of Twisted's may; what we open ourselves does with a certificate."""
    assert plan_of(flags).may_use_tls is may_use_tls


def test_a_key_needs_a_certificate() -> None:
    """And the sentence says how to name it."""
    with pytest.raises(BadOption, match="--tls-key: is a key without a certificate; name that with --tls-cert"):
        plan_of({"tls_key": "site.key"})


def test_a_wrong_setting_of_the_mesh_names_its_place() -> None:
    """The flag, or the file."""
    with pytest.raises(click.BadParameter) as in_file:
        plan_of(file={"cluster": "a b"})
    with pytest.raises(click.BadParameter) as as_flag:
        plan_of(mesh={"cluster": "a b"}, file={"cluster": "c d"})

    assert in_file.value.param_hint == "shop.toml: [mesh] cluster"
    assert as_flag.value.param_hint == "--cluster"


def test_a_variable_that_beats_the_file_is_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the file says of the same setting does not count, so it is not to be corrected."""
    environ = {"ZMQLAYER_CLUSTER": "a b"}
    monkeypatch.setenv("ZMQLAYER_CLUSTER", "a b")

    with pytest.raises(click.BadParameter) as caught:
        make_plan({}, {}, environ, ConfigFile("shop.toml", {}, {"cluster": "fine"}), ())

    assert caught.value.param_hint == "ZMQLAYER_CLUSTER"


def test_a_proxy_that_is_no_address_is_a_sentence() -> None:
    """Only where proxies are believed at all."""
    flags = {"forwarded_allow_ips": ("proxy",)}

    assert plan_of(flags).proxies is None
    with pytest.raises(BadOption, match="--forwarded-allow-ips: 'proxy' is neither an address nor a network"):
        plan_of({**flags, "proxy_headers": True})
