"""The layer's settings on a command line: flags, environment, and wrong values as usage errors."""

from __future__ import annotations

from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from zmqlayer.cli.options import layer_options, read_config, take_settings
from zmqlayer.config import FLAGS, SETTINGS, Bind, Config


def run(*arguments: str, **environ: str) -> tuple[Result, Config | None]:
    """Run a command that has the layer's options and one of its own; return what it read."""
    read: list[Config] = []

    @click.command()
    @layer_options
    @click.option("--port", default=8000)
    def serve(**options: Any) -> None:
        read.append(read_config(take_settings(options)))
        assert list(options) == ["port"]

    variables = [setting.variable for setting in SETTINGS]
    result = CliRunner().invoke(serve, arguments, env={**dict.fromkeys(variables), **environ})
    return result, read[0] if read else None


def test_nothing_given_is_the_default() -> None:
    """Without flags the defaults hold."""
    result, config = run()

    assert result.exit_code == 0
    assert config == Config()


def test_every_setting_is_a_flag() -> None:
    """Each setting can be given as a flag; repeatable ones more than once."""
    result, config = run(
        *(
            "--cluster",
            "c",
            "--discovery",
            "off",
            "--seed",
            "tcp://a:1",
            "--seed",
            "tcp://b:2",
            "--mesh-bind",
            "[::1]:9",
        ),
        *("--expiry", "1.5", "--group-expiry", "9", "--capacity", "5"),
        *("--channel-capacity", "x.*=6", "--channel-capacity", "y.*=7", "--prefetch", "2"),
        *("--max-message-size", "1000", "--peer-messages", "8", "--peer-bytes", "2000"),
    )

    assert result.exit_code == 0, result.output
    assert config is not None
    assert (config.cluster, config.discovery, config.bind) == ("c", "off", Bind("::1", 9))
    assert config.seeds == ("tcp://a:1", "tcp://b:2")
    assert [config.capacity_of(name) for name in ("x.a", "y.a", "z")] == [6, 7, 5]
    assert (config.expiry, config.group_expiry) == (1.5, 9.0)
    assert (config.prefetch, config.max_message_size, config.peer_messages, config.peer_bytes) == (2, 1000, 8, 2000)


@pytest.mark.parametrize("gap", [" ", ",", ", "])
def test_variables_stand_in_for_flags(gap: str) -> None:
    """The environment gives what flags do not, lists with spaces or commas; a flag beats it."""
    result, config = run(
        *("--cluster", "flag"),
        ZMQLAYER_CLUSTER="variable",
        ZMQLAYER_CAPACITY="5",
        ZMQLAYER_SEEDS=f"tcp://a:1{gap}tcp://b:2",
        ZMQLAYER_CHANNEL_CAPACITY=f"x*=6{gap}y*=7",
    )

    assert result.exit_code == 0, result.output
    assert config is not None
    assert (config.cluster, config.capacity, config.seeds) == ("flag", 5, ("tcp://a:1", "tcp://b:2"))
    assert [config.capacity_of(name) for name in ("x", "y")] == [6, 7]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--capacity", "0"], "Invalid value for --capacity: 0 is below 1"),
        (["--peer-messages", "2000000000"], "Invalid value for --peer-messages: 2,000,000,000 is above 1,000,000,000"),
        (["--seed", "a"], "Invalid value for --seed: 'a' is neither 'tcp://host:port' nor 'dns://name:port'"),
        (
            ["--mesh-bind", "0.0.0.0"],
            "Invalid value for --mesh-bind: '0.0.0.0' is not a loopback address; set a secret",
        ),
        (["--discovery", "subnet"], "Invalid value for --discovery: 'subnet' needs a secret"),
    ],
)
def test_wrong_flags_are_usage_errors(arguments: list[str], sentence: str) -> None:
    """A wrong value ends the command with status 2 and a sentence that names the flag."""
    result, config = run(*arguments)

    assert result.exit_code == 2
    assert sentence in result.output
    assert config is None


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        ("ZMQLAYER_SEEDS", "foo", "'foo' is neither"),
        ("ZMQLAYER_BIND", "0.0.0.0", "'0.0.0.0' is not a loopback address"),
        ("ZMQLAYER_CAPACITY", "0", "0 is below 1"),
    ],
)
def test_a_wrong_variable_is_named(variable: str, value: str, sentence: str) -> None:
    """Who never wrote a flag is not told to correct one."""
    result, config = run(**{variable: value})

    assert result.exit_code == 2
    assert f"Invalid value for {variable}: {sentence}" in result.output
    assert config is None


def test_what_was_given_nowhere_is_called_by_its_flag() -> None:
    """A default may not fit to what was given; the flag is where to change it."""
    result, _ = run("--max-message-size", "100000000", ZMQLAYER_PEER_BYTES="")

    assert "Invalid value for --peer-bytes: 16,777,216 is below max_message_size (100,000,000)" in result.output


def test_a_flag_is_named_where_it_beats_a_variable() -> None:
    """The variable does not count then."""
    result, _ = run("--capacity", "0", ZMQLAYER_CAPACITY="5")

    assert "Invalid value for --capacity: 0 is below 1" in result.output


def test_help_shows_flags_and_variables() -> None:
    """Help lists every setting with its flag, in the order of the table, and its variable."""
    result, _ = run("--help")

    places = [result.output.index(f"  {setting.flag} ") for setting in FLAGS]
    assert places == sorted(places)
    assert all(setting.variable in "".join(result.output.split()) for setting in FLAGS)


@pytest.mark.parametrize(
    ("environ", "secrets"),
    [
        ({"ZMQLAYER_SECRET": "a secret of many words"}, (b"a secret of many words",)),
        ({"ZMQLAYER_SECRETS": "0123456789abcdef,fedcba9876543210"}, (b"0123456789abcdef", b"fedcba9876543210")),
    ],
)
def test_secrets_come_from_the_environment(environ: dict[str, str], secrets: tuple[bytes, ...]) -> None:
    """Every user of a machine can read its command lines, so secrets have no flag."""
    result, config = run("--discovery", "off", **environ)

    assert result.exit_code == 0, result.output
    assert config is not None
    assert config.secrets == secrets
    assert run("--secret", "0123456789abcdef")[0].exit_code == 2


def test_a_wrong_secret_names_its_variable() -> None:
    """There is no flag to be named, and the secret itself is not."""
    result, _ = run(ZMQLAYER_SECRET="too-short")

    assert "Invalid value for ZMQLAYER_SECRET: has 9 bytes and needs 16; 'zmqlayer keygen' makes one" in result.output
    assert "too-short" not in result.output
