"""
The settings of a layer: one frozen, checked object. What exists is valid.

Precedence is: what code passes, then the environment (``ZMQLAYER_<SETTING>``), then the default.
:data:`SETTINGS` describes each setting once; command lines, the environment and the documentation read it.
"""

from __future__ import annotations

import fnmatch
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Self

from zmqlayer.exceptions import ConfigError
from zmqlayer.limits import Limits
from zmqlayer.names import check_group
from zmqlayer.unknown import explain

__all__ = [
    "SETTINGS",
    "Bind",
    "CapacityPattern",
    "Config",
    "Setting",
    "Timing",
    "compile_capacity",
    "is_loopback",
    "parse_environment",
]

MIN_SECRET_BYTES: Final = 16
DISCOVERIES: Final = ("off", "localhost", "subnet")

_SEED: Final = re.compile(
    r"(?:tcp://(?:\[[0-9a-fA-F:.]+(?:%[\w.-]+)?\]|[^\s\[\]:/]+)"
    r"|dns://(?=[^:]{1,253}:)[\w-]{1,63}(?:\.[\w-]{1,63})*\.?):(\d{1,5})",
    re.ASCII,
)

CapacityPattern = str | re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Timing:
    """
    The protocol's own times, in seconds. Change them together or not at all.

    Raises:
        ConfigError: A relation between two of them does not hold.
    """

    heartbeat_s: float = 1.0
    silent_after_s: float = 3.0
    gone_after_s: float = 8.0
    dial_timeout_s: float = 2.0
    cut_timeout_s: float = 0.5
    probe_every_s: float = 0.05
    redial_first_s: float = 0.1
    redial_lost_s: float = 1.0
    redial_most_s: float = 5.0
    patience_most_s: float = 20.0
    group_add_timeout_s: float = 0.5
    join_timeout_s: float = 1.5
    settle_every_s: float = 0.05
    linger_s: float = 2.0
    unsubscribe_after_s: float = 10.0

    def __post_init__(self) -> None:
        if self.silent_after_s < 2 * self.heartbeat_s:
            raise ConfigError("silent_after_s", f"must be at least two heartbeats ({2 * self.heartbeat_s:g} s)")
        if self.gone_after_s <= self.silent_after_s:
            raise ConfigError("gone_after_s", f"must exceed silent_after_s ({self.silent_after_s:g} s)")
        if self.patience_most_s < self.dial_timeout_s:
            raise ConfigError("patience_most_s", f"must not be below dial_timeout_s ({self.dial_timeout_s:g} s)")


@dataclass(frozen=True, slots=True)
class Bind:
    """Where a node listens: *port* for work, and, unless it is 0 (any free one), *port* + 1 for the rest."""

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """
        Read ``host``, ``host:port``, ``tcp://host:port``, with ``[...]`` around an IPv6 address.

        Raises:
            ConfigError: None of these forms.
        """
        match = re.fullmatch(r"(?:tcp://)?(\[[0-9a-fA-F:.%\w]+\]|[^\[\]:/]+)(?::(\d+))?", text)
        if not match or int(match[2] or 0) > 65534:
            raise ConfigError("bind", f"{text!r} is not 'host', 'host:port' or 'tcp://host:port'")
        return cls(match[1].strip("[]"), int(match[2] or 0))


@dataclass(frozen=True, slots=True)
class Config:
    """
    What a layer was told. Build it with :meth:`from_settings`, which names wrong settings.

    Attributes:
        cluster: Nodes find only nodes of the same cluster.
        discovery: ``"off"``, ``"localhost"`` or ``"subnet"``: how far mDNS announces and looks.
        seeds: Addresses to dial whatever discovery says: ``tcp://host:port``, or ``dns://name:port`` for all
            addresses that a name stands for, looked up again every few seconds.
        bind: Where to listen. Without a secret only loopback is allowed.
        secret: Shared by all nodes of the cluster; turns on encryption. At least 16 bytes.
        expiry: Seconds after which an unread message is dropped.
        group_expiry: Seconds after which a group membership ends unless it is added again.
        capacity: Messages from this node that may be unread in one channel.
        channel_capacity: (pattern, capacity) pairs; the first pattern that matches a channel wins.
        prefetch: Messages a reader may hold beyond those it is waiting for.
        max_message_size: Bytes of one message as msgpack.
        peer_messages: Messages that may be outstanding to one peer.
        peer_bytes: Bytes that may be outstanding to one peer.
    """

    cluster: str = "default"
    discovery: str = "localhost"
    seeds: tuple[str, ...] = ()
    bind: Bind = Bind("127.0.0.1", 0)
    secret: bytes | None = field(default=None, repr=False)
    expiry: float = 60.0
    group_expiry: float = 86_400.0
    capacity: int = 100
    channel_capacity: tuple[tuple[re.Pattern[str], int], ...] = ()
    prefetch: int = 0
    max_message_size: int = 1_048_576
    peer_messages: int = 10_000
    peer_bytes: int = 16_777_216
    timing: Timing = Timing()
    limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        _check_cluster(self.cluster)
        if self.discovery not in DISCOVERIES:
            raise ConfigError("discovery", f"{self.discovery!r} is none of {', '.join(DISCOVERIES)}")
        for seed in self.seeds:
            _check_seed(seed)
        self._check_numbers()
        self._check_openness()

    def _check_numbers(self) -> None:
        for name in ("capacity", "max_message_size", "peer_messages", "peer_bytes"):
            _check_number(name, getattr(self, name), 1)
        for name in ("expiry", "group_expiry"):
            if not getattr(self, name) > 0:
                raise ConfigError(name, f"{getattr(self, name)!r} is not a number of seconds above 0")
        _check_number("prefetch", self.prefetch, 0)
        if self.expiry > 4_000_000:
            raise ConfigError("expiry", f"{self.expiry:g} s is more than the 4,000,000 s a frame can say")
        if self.peer_bytes < self.max_message_size:
            raise ConfigError(
                "peer_bytes", f"{self.peer_bytes:,} is below max_message_size ({self.max_message_size:,})"
            )

    def _check_openness(self) -> None:
        if self.secret is not None:
            if len(self.secret) < MIN_SECRET_BYTES:
                raise ConfigError(
                    "secret",
                    f"has {len(self.secret)} bytes and needs {MIN_SECRET_BYTES}; 'openssl rand -hex 32' makes one",
                )
            return
        if not is_loopback(self.bind.host):
            raise ConfigError(
                "bind",
                f"{self.bind.host!r} is not a loopback address; set a secret to be reachable from other machines",
            )
        if self.discovery == "subnet":
            raise ConfigError("discovery", "'subnet' needs a secret; set one, or use 'localhost'")

    @classmethod
    def from_settings(
        cls,
        settings: Mapping[str, Any],
        environ: Mapping[str, str] | None = None,
        timing: Timing | None = None,
    ) -> Self:
        """
        Build a configuration from keyword settings and, for those not given, ``ZMQLAYER_<SETTING>``.

        Raises:
            ConfigError: An unknown name, or a value that cannot work.
        """
        given = {name: value for name, value in settings.items() if value is not None}
        limits = Limits.from_setting(given.pop("limits", {}))
        merged = {**parse_environment(environ or {}), **given}
        known = {setting.name for setting in SETTINGS}
        for name in merged:
            if name not in known:
                raise ConfigError(name, explain(name, known))
        if merged.get("secret"):
            merged.setdefault("discovery", "subnet")
            merged.setdefault("bind", "0.0.0.0" if merged["discovery"] == "subnet" else "127.0.0.1")
        return cls(
            **{name: _READERS[name](value) for name, value in merged.items()}, timing=timing or Timing(), limits=limits
        )

    def capacity_of(self, channel: str) -> int:
        """Return how many messages from this node may be unread in *channel*."""
        for pattern, capacity in self.channel_capacity:
            if pattern.match(channel):
                return capacity
        return self.capacity

    @property
    def cluster_tag(self) -> str:
        """Eight hex digits that nodes of one cluster and secret share; safe to announce."""
        key = self.secret or b"zmqlayer"
        return hmac.new(key, b"cluster|" + self.cluster.encode(), hashlib.sha256).hexdigest()[:8]


def is_loopback(host: str) -> bool:
    """Whether *host* is reachable only from this machine."""
    return host in ("localhost", "::1") or re.fullmatch(r"127(\.[0-9]{1,3}){3}", host) is not None


def _check_cluster(cluster: str) -> None:
    try:
        check_group(cluster)
    except TypeError as exc:
        raise ConfigError("cluster", str(exc).replace("a group name", "a cluster name")) from exc


def _check_seed(seed: str) -> None:
    match = _SEED.fullmatch(seed)
    if match is None or not 0 < int(match[1]) < 65536:
        raise ConfigError("seeds", f"{seed!r} is neither 'tcp://host:port' nor 'dns://name:port'")


def _check_number(name: str, value: int, least: int) -> None:
    if value < least:
        raise ConfigError(name, f"{value!r} is below {least}")


def _read_text(name: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise ConfigError(name, f"{value!r} is not a str")
        return value

    return read


def _read_whole(name: str) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        try:
            if isinstance(value, bool | float):
                raise ValueError
            return int(value)
        except (TypeError, ValueError):
            raise ConfigError(name, f"{value!r} is not a whole number") from None

    return read


def _read_seconds(name: str) -> Callable[[Any], float]:
    def read(value: Any) -> float:
        try:
            return float(value)
        except (TypeError, ValueError):
            raise ConfigError(name, f"{value!r} is not a number of seconds") from None

    return read


def _read_items(name: str, value: Any) -> Iterable[Any]:
    if not isinstance(value, Iterable):
        raise ConfigError(name, f"{value!r} is neither text nor a list")
    for item in [value] if isinstance(value, str) else value:
        yield from item.replace(",", " ").split() if isinstance(item, str) else [item]


def _read_seeds(value: str | Iterable[str]) -> tuple[str, ...]:
    return tuple(_read_text("seeds")(seed) for seed in _read_items("seeds", value))


def _read_bind(value: str | Bind) -> Bind:
    return value if isinstance(value, Bind) else Bind.parse(_read_text("bind")(value))


def _read_secret(value: str | bytes) -> bytes | None:
    if not isinstance(value, str | bytes):
        raise ConfigError("secret", f"a {type(value).__name__} is neither str nor bytes")
    return (value.encode() if isinstance(value, str) else value) or None


def _read_channel_capacity(
    value: str | Mapping[CapacityPattern, int] | Iterable[tuple[CapacityPattern, int] | str],
) -> tuple[tuple[re.Pattern[str], int], ...]:
    pairs = value.items() if isinstance(value, Mapping) else value
    return tuple(compile_capacity(pair) for pair in _read_items("channel_capacity", pairs))


def compile_capacity(pair: tuple[CapacityPattern, int] | str) -> tuple[re.Pattern[str], int]:
    """
    Return (compiled pattern, capacity) for a glob or a compiled pattern and a number, or for ``glob=number``.

    Raises:
        ConfigError: None of these.
    """
    if isinstance(pair, str):
        glob, equals, number = pair.rpartition("=")
        if not equals:
            raise ConfigError("channel_capacity", f"{pair!r} is not 'pattern=number'")
        pair = (glob, _read_whole("channel_capacity")(number))
    try:
        pattern, capacity = pair
    except (TypeError, ValueError):
        raise ConfigError("channel_capacity", f"{pair!r} is not a pattern and a number") from None
    _check_number("channel_capacity", _read_whole("channel_capacity")(capacity), 1)
    if isinstance(pattern, str):
        pattern = re.compile(fnmatch.translate(pattern))
    elif not isinstance(pattern, re.Pattern) or not isinstance(pattern.pattern, str):
        raise ConfigError("channel_capacity", f"{pattern!r} is neither a glob nor a compiled pattern for str")
    return pattern, int(capacity)


@dataclass(frozen=True, slots=True)
class Setting:
    """
    One setting as command lines and the environment see it: ``--<name with hyphens>``, ``ZMQLAYER_<NAME>``.

    Attributes:
        option: Another name for the flag, where commands need the setting's own for something else.
    """

    name: str
    metavar: str
    help: str
    is_repeatable: bool = False
    option: str = ""

    @property
    def flag(self) -> str:
        name = self.option or self.name.removesuffix("s" if self.is_repeatable else "")
        return "--" + name.replace("_", "-")

    @property
    def variable(self) -> str:
        return f"ZMQLAYER_{self.name.upper()}"


SETTINGS: Final = (
    Setting("cluster", "NAME", "Find only nodes of this cluster. [default: default]"),
    Setting(
        "discovery",
        "|".join(DISCOVERIES),
        "How far to announce and look with mDNS. [default: subnet with a secret, else localhost]",
    ),
    Setting(
        "seeds",
        "tcp://HOST:PORT",
        "Dial this address whatever discovery says; with dns://NAME:PORT, all addresses of the name.",
        is_repeatable=True,
    ),
    Setting(
        "bind",
        "HOST[:PORT]",
        "Where the mesh listens: PORT and PORT+1. [default: free ports of 127.0.0.1, or of 0.0.0.0 in a subnet]",
        option="mesh_bind",
    ),
    Setting("secret", "TEXT", "Shared by all nodes; encrypts the mesh. At least 16 bytes."),
    Setting("expiry", "SECONDS", "Drop messages unread for this long. [default: 60]"),
    Setting("group_expiry", "SECONDS", "End group memberships not renewed for this long. [default: 86400]"),
    Setting("capacity", "N", "Unread messages from one node that a channel holds. [default: 100]"),
    Setting(
        "channel_capacity",
        "PATTERN=N",
        "The same for channels whose name matches a glob.",
        is_repeatable=True,
    ),
    Setting("prefetch", "N", "Messages a reader may hold beyond those it waits for. [default: 0]"),
    Setting("max_message_size", "BYTES", "Largest message, as msgpack. [default: 1048576]"),
    Setting("peer_messages", "N", "Unread messages that one peer may hold of ours. [default: 10000]"),
    Setting("peer_bytes", "BYTES", "Unread bytes that one peer may hold of ours. [default: 16777216]"),
)
"""Every setting, in the order in which help shows them."""

_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "cluster": _read_text("cluster"),
    "discovery": _read_text("discovery"),
    "seeds": _read_seeds,
    "bind": _read_bind,
    "secret": _read_secret,
    "expiry": _read_seconds("expiry"),
    "group_expiry": _read_seconds("group_expiry"),
    "capacity": _read_whole("capacity"),
    "channel_capacity": _read_channel_capacity,
    "prefetch": _read_whole("prefetch"),
    "max_message_size": _read_whole("max_message_size"),
    "peer_messages": _read_whole("peer_messages"),
    "peer_bytes": _read_whole("peer_bytes"),
}

assert {s.name for s in SETTINGS} == set(_READERS) == {f.name for f in fields(Config)} - {"timing", "limits"}


def parse_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that *environ* holds as ``ZMQLAYER_<SETTING>``; empty values count as absent."""
    return {s.name: environ[s.variable] for s in SETTINGS if environ.get(s.variable)}
