"""Settings: what exists is valid, what is wrong is named, and where a value comes from."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmqlayer.config import SETTINGS, Bind, Config, Timing, is_loopback, parse_environment
from zmqlayer.exceptions import ConfigError
from zmqlayer.keyring import ProjectSecrets

SECRET = "0123456789abcdef"


def test_defaults_are_closed() -> None:
    """Without settings a node is reachable from this machine only."""
    config = Config.from_settings({})

    assert (config.bind, config.discovery, config.secrets) == (Bind("127.0.0.1", 0), "localhost", ())


def test_a_secret_opens() -> None:
    """With a secret a node binds to all interfaces and announces on the subnet, unless told otherwise."""
    config = Config.from_settings({"secret": SECRET})

    assert (config.bind, config.discovery) == (Bind("*", 0), "subnet")


@pytest.mark.parametrize("discovery", ["off", "localhost"])
def test_a_secret_opens_no_more_than_asked(discovery: str) -> None:
    """A secret with a narrower discovery leaves the node on loopback."""
    config = Config.from_settings({"secret": SECRET, "discovery": discovery})

    assert config.bind == Bind("127.0.0.1", 0)


def test_a_secret_is_not_shown() -> None:
    """The secret appears in no text made from a configuration."""
    assert SECRET not in repr(Config.from_settings({"secret": SECRET}))


def test_secret_is_short_for_one_of_secrets() -> None:
    """One secret, or a list with the primary first: both make a list."""
    assert Config.from_settings({"secret": SECRET}) == Config.from_settings({"secrets": [SECRET]})
    assert Config.from_settings({"secrets": [SECRET, SECRET[::-1]]}).secrets == (SECRET.encode(), SECRET[::-1].encode())


def test_code_beats_environment_for_secrets_as_one() -> None:
    """A secret that code gives stands alone, whichever of the two names the environment uses."""
    environ = {"ZMQLAYER_SECRETS": f"{SECRET} {SECRET[::-1]}"}

    assert Config.from_settings({"secret": SECRET}, environ).secrets == (SECRET.encode(),)
    assert len(Config.from_settings({}, environ).secrets) == 2


# A Django project's secrets

STRONG = "k$0&b!q9xw@3v#7zt5m(1r^p8_y2)c6=n4-e+h*j%dfgasuloi"


@pytest.mark.parametrize(
    ("settings", "key", "expected"),
    [
        ({}, STRONG, (1, "subnet", "*")),
        ({"discovery": "localhost"}, STRONG, (1, "localhost", "127.0.0.1")),
        ({"secret": SECRET}, STRONG, (1, "subnet", "*")),
        ({"secret": ""}, STRONG, (0, "localhost", "127.0.0.1")),
        ({}, f"django-insecure-{STRONG}", (1, "localhost", "127.0.0.1")),
        ({"discovery": "off"}, f"django-insecure-{STRONG}", (1, "off", "127.0.0.1")),
        ({}, "too short", (0, "localhost", "127.0.0.1")),
        ({}, "", (0, "localhost", "127.0.0.1")),
    ],
)
def test_a_projects_key_stands_in_for_a_secret(
    settings: dict[str, Any], key: str, expected: tuple[int, str, str]
) -> None:
    """A strong key opens as a secret does, one that others may know stays on loopback, a short one counts as none."""
    config = Config.from_settings(settings, project=ProjectSecrets.judge(key, [], 8))

    assert (len(config.secrets), config.discovery, config.bind.host) == expected


@pytest.mark.parametrize("settings", [{"discovery": "subnet"}, {"bind": "0.0.0.0"}, {"bind": "10.0.0.1:5"}])
def test_a_flawed_key_opens_nothing(settings: dict[str, Any]) -> None:
    """Who wants to be reached by other machines needs a secret that others do not know."""
    project = ProjectSecrets.judge(f"django-insecure-{STRONG}", [], 8)

    with pytest.raises(ConfigError, match=r"secret.*'zmqlayer keygen' makes one"):
        Config.from_settings(settings, project=project)


# What is wrong


@pytest.mark.parametrize(
    ("settings", "setting", "words"),
    [
        ({"bind": "0.0.0.0"}, "bind", "'0.0.0.0' is not a loopback address; set a secret"),
        ({"bind": "192.168.1.5:5757"}, "bind", "not a loopback address"),
        ({"discovery": "subnet"}, "discovery", "'subnet' needs a secret"),
        ({"discovery": "everywhere"}, "discovery", "is none of off, localhost, subnet"),
        ({"secret": "short"}, "secret", "has 5 bytes and needs 16; 'zmqlayer keygen' makes one"),
        ({"secrets": [SECRET, "short"]}, "secrets", "has 5 bytes and needs 16"),
        ({"secrets": ["short"]}, "secrets", "has 5 bytes and needs 16"),
        ({"secrets": [f"{SECRET}{n}" for n in range(9)]}, "secrets", "9 are more than 8"),
        ({"secrets": [SECRET], "secret": SECRET}, "secrets", "is given beside 'secret'; give one"),
        ({"secrets": 5}, "secrets", "a int is no list of secrets"),
        ({"secrets": ["", ""]}, "secrets", "holds no secret; 'zmqlayer keygen' makes one"),
        ({"secrets": " , ", "discovery": "localhost"}, "secrets", "holds no secret"),
        ({"secrets": [SECRET, SECRET[::-1]], "bind": "0.0.0.0:65534"}, "bind", "leaves no room for two ports"),
        ({"secret": 5}, "secret", "a int is neither str nor bytes"),
        ({"cluster": ""}, "cluster", "is not a cluster name"),
        ({"cluster": "a b"}, "cluster", "is not a cluster name"),
        ({"cluster": 5}, "cluster", "5 is not a str"),
        ({"capacity": 0}, "capacity", "0 is below 1"),
        ({"capacity": "many"}, "capacity", "'many' is not a whole number"),
        ({"capacity": 1.5}, "capacity", "1.5 is not a whole number"),
        ({"capacity": True}, "capacity", "True is not a whole number"),
        ({"prefetch": -1}, "prefetch", "-1 is below 0"),
        ({"max_message_size": 0}, "max_message_size", "0 is below 1"),
        ({"peer_messages": 0}, "peer_messages", "0 is below 1"),
        (
            {"capacity": 10**9 + 1},
            "capacity",
            "1,000,000,001 is above 1,000,000,000, the most there may be; choose less",
        ),
        ({"channel_capacity": f"x={10**30}"}, "channel_capacity", "is above 1,000,000,000, the most"),
        ({"prefetch": 2**70}, "prefetch", "is above 1,000,000,000, the most there may be; choose less"),
        ({"peer_messages": 2**30}, "peer_messages", "1,073,741,824 is above 1,000,000,000, the most there may be"),
        (
            {"max_message_size": 2**32},
            "max_message_size",
            "4,294,967,296 is above 4,294,967,295, the most there may be",
        ),
        ({"peer_bytes": 2**70}, "peer_bytes", "is above 1,099,511,627,776, the most there may be; choose less"),
        ({"peer_bytes": 100}, "peer_bytes", "100 is below max_message_size (1,048,576)"),
        ({"expiry": 0}, "expiry", "0.0 is not a number of seconds above 0"),
        ({"expiry": float("nan")}, "expiry", "nan is not a number of seconds above 0"),
        ({"expiry": "soon"}, "expiry", "'soon' is not a number of seconds"),
        ({"expiry": 5e6}, "expiry", "5e+06 s is more than the 4,000,000 s"),
        ({"group_expiry": -1}, "group_expiry", "-1.0 is not a number of seconds above 0"),
        ({"channel_capacity": {"http.*": 0}}, "channel_capacity", "0 is below 1"),
        ({"channel_capacity": "http.*"}, "channel_capacity", "'http.*' is not 'pattern=number'"),
        ({"channel_capacity": "http.*=x"}, "channel_capacity", "'x' is not a whole number"),
        ({"seeds": "10.0.0.5:5757"}, "seeds", "'10.0.0.5:5757' is neither 'tcp://host:port' nor 'dns://name:port'"),
        ({"seeds": ["tcp://10.0.0.5"]}, "seeds", "is neither 'tcp://host:port' nor 'dns://name:port'"),
        ({"seeds": ["tcp://a:1", 5]}, "seeds", "5 is not a str"),
        ({"seeds": 5}, "seeds", "5 is neither text nor a list"),
        ({"channel_capacity": 5}, "channel_capacity", "5 is neither text nor a list"),
        ({"channel_capacity": [5]}, "channel_capacity", "5 is not a pattern and a number"),
        ({"channel_capacity": {5: 1}}, "channel_capacity", "5 is neither a glob nor a compiled pattern"),
        ({"channel_capacity": {re.compile(b"x"): 1}}, "channel_capacity", "neither a glob nor a compiled pattern"),
        ({"seeds": "tcp://host:0"}, "seeds", "'tcp://host:0' has port 0, which is not in the range 1 to 65535"),
        ({"seeds": "dns://a:65536"}, "seeds", "'dns://a:65536' has port 65536, which is not in the range 1 to 65535"),
        ({"seeds": "tcp://a:700000"}, "seeds", "has port 700000, which is not in the range 1 to 65535"),
        ({"seeds": f"tcp://a:{'9' * 5000}"}, "seeds", "is neither 'tcp://host:port' nor 'dns://name:port'"),
        ({"seeds": "tcp://::1:5757"}, "seeds", "is neither 'tcp://host:port' nor 'dns://name:port'"),
        ({"seeds": "dns://mesh"}, "seeds", "is neither 'tcp://host:port' nor 'dns://name:port'"),
        ({"seeds": "dns://[::1]:5"}, "seeds", "is neither 'tcp://host:port' nor 'dns://name:port'"),
        ({"seeds": "dns://a..b:5"}, "seeds", "is neither 'tcp://host:port' nor 'dns://name:port'"),
        ({"seeds": f"dns://{'a' * 64}:5"}, "seeds", "is neither 'tcp://host:port' nor 'dns://name:port'"),
        ({"seeds": f"dns://{'a.' * 127}a:5"}, "seeds", "is neither 'tcp://host:port' nor 'dns://name:port'"),
        ({"seeds": "tcp://a/b:5757"}, "seeds", "is neither 'tcp://host:port' nor 'dns://name:port'"),
        ({"sedes": "tcp://a:1"}, "sedes", "is unknown; did you mean 'seeds'? The settings are bind, capacity"),
        ({"limts": {}}, "limts", "is unknown; did you mean 'limits'? The settings are "),
        ({"xyzzy": 1}, "xyzzy", ", group_expiry, limits, max_message_size, "),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, Any], setting: str, words: str) -> None:
    """A setting that cannot work raises before anything starts, and the error names it, its value and the cure."""
    with pytest.raises(ConfigError, match=re.escape(words)) as caught:
        Config.from_settings(settings)

    assert caught.value.setting == setting


def test_code_beats_environment_beats_default() -> None:
    """What code passes wins over the environment, which wins over the default; None counts as not passed."""
    environ = {"ZMQLAYER_CLUSTER": "theirs", "ZMQLAYER_CAPACITY": "7", "ZMQLAYER_EXPIRY": ""}

    config = Config.from_settings({"cluster": "ours", "capacity": None}, environ)

    assert (config.cluster, config.capacity, config.expiry) == ("ours", 7, 60.0)


@given(st.dictionaries(st.sampled_from([s.variable for s in SETTINGS] + ["HOME", "ZMQLAYER_X"]), st.text(max_size=8)))
def test_environment_holds_settings_only(environ: dict[str, str]) -> None:
    """Of an environment exactly the variables that name a setting and hold something are taken."""
    expected = {name for name, value in environ.items() if value and name not in ("HOME", "ZMQLAYER_X")}

    parsed = parse_environment(environ)

    assert {f"ZMQLAYER_{name.upper()}" for name in parsed} == expected


@pytest.mark.parametrize(
    "seeds",
    ["tcp://a:1 tcp://[::1]:2", "tcp://a:1,tcp://[::1]:2", ["tcp://a:1", "tcp://[::1]:2"], ["tcp://a:1,tcp://[::1]:2"]],
)
def test_seeds_are_one_text_or_many(seeds: str | list[str]) -> None:
    """Seeds may be a list, or text with spaces or commas between them, as environments have it."""
    assert Config.from_settings({"seeds": seeds}).seeds == ("tcp://a:1", "tcp://[::1]:2")


@pytest.mark.parametrize(
    "seed",
    [
        "tcp://10.0.0.5:5757",
        "tcp://[::1]:5000",
        "tcp://[fe80::1%eth0.5]:1",
        "dns://mesh:1",
        "dns://mesh.my-ns.svc.:65535",
    ],
)
def test_seeds_are_addresses_or_names(seed: str) -> None:
    """A seed is an address, with brackets around IPv6, or a name that stands for several."""
    assert Config.from_settings({"seeds": seed}).seeds == (seed,)


@pytest.mark.parametrize(
    "capacities",
    [
        {"http.*": 5, re.compile(r"x\d"): 6},
        [("http.*", 5), (re.compile(r"x\d"), 6)],
        "http.*=5,x[0-9]*=6",
        ["http.*=5 x[0-9]*=6"],
    ],
)
def test_first_matching_capacity_wins(capacities: Any) -> None:
    """A channel's capacity is that of the first pattern that matches its name, else the general one."""
    config = Config.from_settings({"channel_capacity": capacities, "capacity": 9})

    names = ["http.request", "x7", "x", "y.http.z"]

    assert [config.capacity_of(name) for name in names] == [5, 6, 9, 9]


@pytest.mark.parametrize(
    ("text", "bind"),
    [
        ("127.0.0.1", Bind("127.0.0.1", 0)),
        ("127.0.0.1:5757", Bind("127.0.0.1", 5757)),
        ("tcp://localhost:5757", Bind("localhost", 5757)),
        ("[::1]:5757", Bind("::1", 5757)),
        ("[fe80::1%eth0]", Bind("fe80::1%eth0", 0)),
        ("host:65534", Bind("host", 65534)),
    ],
)
def test_binds_are_parsed(text: str, bind: Bind) -> None:
    """A place to listen has a host and may have a scheme and a port."""
    assert Bind.parse(text) == bind


@pytest.mark.parametrize(
    "text", ["", ":5757", "::1", "host:", "udp://host:1", "host:1:2", "a/b", "[x", f"host:{'9' * 5000}"]
)
def test_other_binds_raise(text: str) -> None:
    """Anything else is refused."""
    with pytest.raises(ConfigError, match="is not 'host', 'host:port' or 'tcp://host:port'"):
        Bind.parse(text)


@pytest.mark.parametrize(("text", "port"), [("127.0.0.1:65535", 65535), ("0.0.0.0:70000", 70000)])
def test_the_next_port_must_exist(text: str, port: int) -> None:
    """The last port leaves no room for the second socket."""
    words = f"{text!r} has port {port}, which is above 65534: the mesh takes the next port, too"

    with pytest.raises(ConfigError, match=re.escape(words)):
        Bind.parse(text)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3", "::1"])
def test_loopback_hosts(host: str) -> None:
    """These reach this machine only."""
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "10.0.0.1", "127.0.0.1.example.com", "127.1", "127.0.0.\u0661", "localhost.com", ""]
)
def test_other_hosts_are_not_loopback(host: str) -> None:
    """Whatever is not surely loopback counts as open."""
    assert not is_loopback(host)


def test_cluster_tags_tell_clusters_apart() -> None:
    """The tag depends on the cluster and on the secret, is stable, and is eight hex digits."""
    configs = [{}, {"cluster": "b"}, {"secret": SECRET}, {"secret": SECRET, "cluster": "b"}, {"secret": SECRET[::-1]}]
    tags = [Config.from_settings(settings).cluster_tag for settings in configs]

    assert len(set(tags)) == len(tags)
    assert all(re.fullmatch("[0-9a-f]{8}", tag) for tag in tags)
    assert Config.from_settings({}).cluster_tag == tags[0]


@pytest.mark.parametrize(
    ("times", "setting"),
    [({"silent_after_s": 1.9}, "silent_after_s"), ({"gone_after_s": 3.0}, "gone_after_s")],
)
def test_times_keep_their_relations(times: dict[str, float], setting: str) -> None:
    """Times that contradict each other are refused."""
    with pytest.raises(ConfigError) as caught:
        Timing(**times)

    assert caught.value.setting == setting


def test_flags_and_variables_follow_from_names() -> None:
    """A setting's flag and environment variable are its name; repeatable flags are singular."""
    shown = {setting.name: (setting.flag, setting.variable) for setting in SETTINGS}

    assert shown["max_message_size"] == ("--max-message-size", "ZMQLAYER_MAX_MESSAGE_SIZE")
    assert shown["seeds"] == ("--seed", "ZMQLAYER_SEEDS")
    assert shown["bind"] == ("--mesh-bind", "ZMQLAYER_BIND")
    assert shown["channel_capacity"] == ("--channel-capacity", "ZMQLAYER_CHANNEL_CAPACITY")


def test_help_tells_the_defaults() -> None:
    """Where help states a default, it is the one in force."""
    for setting in SETTINGS:
        stated = re.search(r"\[default: (\w+)\]", setting.help)
        if stated:
            assert str(getattr(Config(), setting.name)).removesuffix(".0") == stated[1]
