"""What to run: all that the operator said, checked and put together. ``command`` asks for it, ``launch`` runs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from zmqlayer.cli.options import read_config
from zmqlayer.config import Config
from zmqlayer.exceptions import ConfigError
from zmqlayer.interface.clients.proxies import Proxies
from zmqlayer.interface.options import ServerOptions
from zmqlayer.interface.serving.config_file import ConfigFile
from zmqlayer.interface.serving.given import BadOption, Given, mesh_settings, read_given
from zmqlayer.interface.serving.places import Described, Inherited, Place, choose_places

__all__ = ["Plan", "make_plan", "prepare"]

LINGER_S: Final = 0.5
"""All that a server leaves unsent is requests of clients that are gone, and word that they are."""


@dataclass(frozen=True, slots=True)
class Plan:
    """
    One server.

    Attributes:
        config: Of its node.
        proxies: Those that are believed; None for none.
        given: What has no place in the others.
    """

    config: Config
    options: ServerOptions
    places: tuple[Place, ...]
    proxies: Proxies | None
    given: Given

    @property
    def may_use_tls(self) -> bool:
        """Whether a listener has a certificate, or is an endpoint of Twisted's that may have one."""
        return bool(self.given["tls_cert"]) or any(isinstance(place, Described) for place in self.places)


def make_plan(
    flags: Mapping[str, Any],
    mesh_flags: Mapping[str, Any],
    environ: Mapping[str, str],
    file: ConfigFile,
    passed: Sequence[Inherited],
    mesh_places: Mapping[str, str] | None = None,
) -> Plan:
    """
    Read and check what the operator said.

    Args:
        flags: Options of the server, by name.
        mesh_flags: Settings of the layer, by name.
        passed: Sockets of the service manager.
        mesh_places: Where settings among *mesh_flags* were said that are no flags, by name.

    Raises:
        BadOption: An option of the server cannot be used.
        click.BadParameter: A setting of the layer cannot be used.
    """
    given = read_given(flags, environ, file)
    if given["tls_key"] and not given["tls_cert"]:
        raise BadOption(given.place("tls_key"), "is a key without a certificate; name that with --tls-cert")
    mesh = mesh_settings(mesh_flags, environ, file)
    in_file = {name: f"{file.name}: [mesh] {name}" for name in mesh if name not in mesh_flags}
    config = read_config(mesh, {**in_file, **(mesh_places or {})})
    options = given.server_options(config.max_message_size)
    return Plan(prepare(config), options, choose_places(given, passed), _read_proxies(options, given), given)


def prepare(config: Config) -> Config:
    """Return the configuration of a server's node, which spends little time on leaving."""
    return replace(config, timing=replace(config.timing, linger_s=LINGER_S))


def _read_proxies(options: ServerOptions, given: Given) -> Proxies | None:
    try:
        return Proxies.from_options(options)
    except ConfigError as exc:
        raise BadOption(given.place("forwarded_allow_ips"), exc.problem) from exc
