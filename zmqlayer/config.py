"""
The settings of a layer: one frozen, checked object. What exists is valid.

Precedence is: what code passes, then the environment (``ZMQLAYER_<SETTING>``), then the default.
:data:`SETTINGS` describes each setting once; command lines, the environment and the documentation read it.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, Self

from zmqlayer.bind import Bind, is_loopback
from zmqlayer.bodies import body_capacity
from zmqlayer.exceptions import ConfigError
from zmqlayer.keyring import KEYGEN, ProjectSecrets, check_secrets, cluster_tag, read_secret, read_secrets
from zmqlayer.limits import MOST, Limits, check_number
from zmqlayer.names import check_group
from zmqlayer.timing import Timing
from zmqlayer.unknown import explain

__all__ = [
    "FLAGS",
    "NAMES",
    "SETTINGS",
    "WORKER_PREFETCH",
    "Bind",
    "CapacityPattern",
    "Config",
    "Setting",
    "Timing",
    "compile_capacity",
    "is_loopback",
    "parse_environment",
]

DISCOVERIES: Final = ("off", "localhost", "subnet")

WORKER_PREFETCH: Final = 16
"""What suits workers: messages on their way before they are wanted. Each would cost the time of a round trip else."""

_SEED: Final = re.compile(
    r"(?:tcp://(?:\[[0-9a-fA-F:.]+(?:%[\w.-]+)?\]|[^\s\[\]:/]+)"
    r"|dns://(?=[^:]{1,253}:)[\w-]{1,63}(?:\.[\w-]{1,63})*\.?):(\d{1,20})",
    re.ASCII,
)

_MOST: Final[Mapping[str, int]] = {
    "capacity": 1_000_000_000,
    "channel_capacity": 1_000_000_000,
    "prefetch": 1_000_000_000,
    "max_message_size": 4_294_967_295,  # what msgpack can hold in one value
    "peer_messages": 1_000_000_000,  # libzmq counts in 31 bits, and twice as many are to fit into a pipe
    "peer_bytes": MOST,
}

_SECRETS: Final = {"secret", "secrets"}

CapacityPattern = str | re.Pattern[str]


@dataclass(frozen=True, slots=True)
class Config:
    """
    What a layer was told. Build it with :meth:`from_settings`, which names wrong settings.

    Attributes:
        cluster: Nodes find only nodes of the same cluster.
        discovery: ``"off"``, ``"localhost"`` or ``"subnet"``: how far mDNS announces and looks.
        seeds: Addresses to dial whatever discovery says: ``tcp://host:port`` or ``dns://name:port``. A name stands for
            all its addresses, and is looked up again every few seconds.
        bind: Where to listen. Without a secret only loopback is allowed.
        secrets: Shared by all nodes of the cluster; turn on encryption. At least 16 bytes each. The first is the
            primary one; the others are accepted too, so that secrets can be changed while the mesh runs.
        expiry: Seconds after which an unread message is dropped; pieces of bodies live longer (``bodies.py``).
        group_expiry: Seconds after which a group membership ends unless it is added again.
        capacity: Messages from this node that may be unread in one channel; fewer pieces of a body.
        channel_capacity: (pattern, capacity) pairs; the first pattern that matches a channel wins.
        prefetch: Messages a reader may hold beyond those it is waiting for; None for as many as suits it: 0, and 16 in
            a worker.
        max_message_size: Bytes of one message as msgpack. All nodes need the same: a message larger than its receiver's
            ends the link. So it is raised at all nodes before any sends larger ones.
        peer_messages: Messages that may be outstanding to one peer.
        peer_bytes: Bytes that may be outstanding to one peer.
    """

    cluster: str = "default"
    discovery: str = "localhost"
    seeds: tuple[str, ...] = ()
    bind: Bind = field(default_factory=lambda: Bind("127.0.0.1", 0))
    secrets: tuple[bytes, ...] = field(default=(), repr=False)
    expiry: float = 60.0
    group_expiry: float = 86_400.0
    capacity: int = 100
    channel_capacity: tuple[tuple[re.Pattern[str], int], ...] = ()
    prefetch: int | None = None
    max_message_size: int = 1_048_576
    peer_messages: int = 10_000
    peer_bytes: int = 16_777_216
    timing: Timing = field(default_factory=Timing)
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
            check_number(name, getattr(self, name), 1, _MOST[name])
        for name in ("expiry", "group_expiry"):
            if not getattr(self, name) > 0:
                raise ConfigError(name, f"{getattr(self, name)!r} is not a number of seconds above 0")
        if self.prefetch is not None:
            check_number("prefetch", self.prefetch, 0, _MOST["prefetch"])
        if self.expiry > 4_000_000:
            raise ConfigError("expiry", f"{self.expiry:g} s is more than the 4,000,000 s a frame can say")
        if self.peer_bytes < self.max_message_size:
            problem = f"{self.peer_bytes:,} is below max_message_size ({self.max_message_size:,})"
            raise ConfigError("peer_bytes", problem)
        self.limits.check_room(self.max_message_size)

    def _check_openness(self) -> None:
        check_secrets(self.secrets, self.limits.secrets)
        if self.bind.port and self.bind.port + 2 * len(self.secrets) > 65536:
            raise ConfigError("bind", f"port {self.bind.port} leaves no room for two ports for each of the secrets")
        if self.secrets:
            return
        if not is_loopback(self.bind.host):
            raise ConfigError(
                "bind",
                f"{self.bind.host!r} is not a loopback address; set a secret to be reachable from other machines: "
                f"{KEYGEN}",
            )
        if self.discovery == "subnet":
            raise ConfigError("discovery", f"'subnet' needs a secret; set one ({KEYGEN}), or use 'localhost'")

    @classmethod
    def from_settings(
        cls,
        settings: Mapping[str, Any],
        environ: Mapping[str, str] | None = None,
        timing: Timing | None = None,
        project: ProjectSecrets | None = None,
    ) -> Self:
        """
        Build a configuration from keyword settings and, for those not given, ``ZMQLAYER_<SETTING>``.

        Args:
            project: The secrets of the Django project that this process belongs to, used if none are given.
                Flawed ones are used on loopback only.

        Raises:
            ConfigError: An unknown name, or a value that cannot work.
        """
        given = {name: value for name, value in settings.items() if value is not None}
        limits = Limits.from_setting(given.pop("limits", {}))
        merged = _merge(given, environ or {})
        for name in merged:
            if name not in _READERS:
                raise ConfigError(name, explain(name, NAMES))
        if not merged.keys() & _SECRETS:
            _use_project(merged, project or ProjectSecrets())
        elif merged.get("secret") or merged.get("secrets"):
            _open_up(merged)
        values = {name: _READERS[name](value) for name, value in merged.items()}
        if secret := values.pop("secret", None):
            check_secrets((secret,), limits.secrets, "secret")
            values["secrets"] = (secret,)
        return cls(**values, timing=timing or Timing(), limits=limits)

    def capacity_of(self, channel: str) -> int:
        """Return how many messages from this node may be unread in *channel*."""
        if self.channel_capacity:
            for pattern, capacity in self.channel_capacity:
                if pattern.match(channel):
                    return capacity
        return body_capacity(channel, self.capacity)

    @property
    def cluster_tags(self) -> tuple[str, ...]:
        """What nodes of one cluster and secret share, for each secret or for none; safe to announce."""
        return tuple(cluster_tag(secret, self.cluster) for secret in self.secrets or (None,))

    @property
    def cluster_tag(self) -> str:
        """The tag of the primary secret."""
        return self.cluster_tags[0]


def _merge(settings: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what code passes and, for the rest, what the environment says; the secrets count as one setting."""
    ambient = parse_environment(environ)
    if settings.keys() & _SECRETS:
        ambient = {name: value for name, value in ambient.items() if name not in _SECRETS}
    merged = {**ambient, **settings}
    if merged.keys() >= _SECRETS:
        raise ConfigError("secrets", "is given beside 'secret'; give one: secrets = [new, old] holds all that count")
    return merged


def _open_up(merged: dict[str, Any]) -> None:
    """Let a node that encrypts be found and reached in its subnet, as far as nothing else is said."""
    merged.setdefault("discovery", "subnet")
    merged.setdefault("bind", "*" if merged["discovery"] == "subnet" else "127.0.0.1")


def _use_project(merged: dict[str, Any], project: ProjectSecrets) -> None:
    """Use a project's secrets; flawed ones only where no other machine reaches the node, else as if there were none."""
    is_local = merged.get("discovery") != "subnet" and _is_local(merged)
    if project.secrets and (is_local or not project.flaw):
        merged["secrets"] = project.secrets
    if project.secrets and not project.flaw:
        _open_up(merged)


def _is_local(merged: Mapping[str, Any]) -> bool:
    return "bind" not in merged or is_loopback(_read_bind(merged["bind"]).host)


def _check_cluster(cluster: str) -> None:
    try:
        check_group(cluster)
    except TypeError as exc:
        raise ConfigError("cluster", str(exc).replace("a group name", "a cluster name")) from exc


def _check_seed(seed: str) -> None:
    match = _SEED.fullmatch(seed)
    if match is None:
        raise ConfigError("seeds", f"{seed!r} is neither 'tcp://host:port' nor 'dns://name:port'")
    if not 0 < (port := int(match[1])) < 65536:
        raise ConfigError("seeds", f"{seed!r} has port {port}, which is not in the range 1 to 65535")


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
    check_number("channel_capacity", _read_whole("channel_capacity")(capacity), 1, _MOST["channel_capacity"])
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
        is_secret: Whether it has no flag: any user of a machine can read the command lines of all.
    """

    name: str
    metavar: str
    help: str
    is_repeatable: bool = False
    option: str = ""
    is_secret: bool = False

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
        "Dial this address whatever discovery says; of a name (or dns://NAME:PORT) all addresses.",
        is_repeatable=True,
    ),
    Setting(
        "bind",
        "HOST[:PORT]",
        "Where the mesh listens: PORT and PORT+1; each further secret takes two more. "
        "[default: free ports of 127.0.0.1, or of all interfaces in a subnet]",
        option="mesh_bind",
    ),
    Setting("secret", "TEXT", "Shared by all nodes; encrypts the mesh. At least 16 bytes.", is_secret=True),
    Setting("secrets", "TEXT", "In place of one: the primary, then others to accept.", True, is_secret=True),
    Setting("expiry", "SECONDS", "Drop messages unread for this long. [default: 60]"),
    Setting("group_expiry", "SECONDS", "End group memberships not renewed for this long. [default: 86400]"),
    Setting("capacity", "N", "Unread messages from one node that a channel holds. [default: 100]"),
    Setting(
        "channel_capacity",
        "PATTERN=N",
        "The same for channels whose name matches a glob.",
        is_repeatable=True,
    ),
    Setting(
        "prefetch",
        "N",
        f"Messages a reader may hold beyond those it waits for. [default: 0, in workers {WORKER_PREFETCH}]",
    ),
    Setting(
        "max_message_size",
        "BYTES",
        "Largest message, as msgpack; raise it on all nodes before any sends larger ones. [default: 1048576]",
    ),
    Setting("peer_messages", "N", "Unread messages that one peer may hold of ours. [default: 10000]"),
    Setting("peer_bytes", "BYTES", "Unread bytes that one peer may hold of ours. [default: 16777216]"),
)
"""Every setting, in the order in which help shows them."""

NAMES: Final = (*(setting.name for setting in SETTINGS), "limits")
"""What code may say: neither a flag nor a variable could hold the many limits."""

FLAGS: Final = tuple(setting for setting in SETTINGS if not setting.is_secret)
"""Those that a command line may hold."""

_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "cluster": _read_text("cluster"),
    "discovery": _read_text("discovery"),
    "seeds": _read_seeds,
    "bind": _read_bind,
    "secret": read_secret,
    "secrets": read_secrets,
    "expiry": _read_seconds("expiry"),
    "group_expiry": _read_seconds("group_expiry"),
    "capacity": _read_whole("capacity"),
    "channel_capacity": _read_channel_capacity,
    "prefetch": _read_whole("prefetch"),
    "max_message_size": _read_whole("max_message_size"),
    "peer_messages": _read_whole("peer_messages"),
    "peer_bytes": _read_whole("peer_bytes"),
}

assert {s.name for s in SETTINGS} == set(_READERS) == {f.name for f in fields(Config)} - {"timing", "limits"} | _SECRETS


def parse_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that *environ* holds as ``ZMQLAYER_<SETTING>``; empty values count as absent."""
    return {s.name: environ[s.variable] for s in SETTINGS if environ.get(s.variable)}
