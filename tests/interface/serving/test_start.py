"""From what was said on a command line to a plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from zmqlayer import misspelt
from zmqlayer.interface.serving.config_file import BadFile
from zmqlayer.interface.serving.start import describe, read_plan


def test_flags_make_a_plan() -> None:
    """Negated options too; what is no option of the server is of no interest."""
    plan = read_plan(None, {"port": ["8001"], "no_server_name": True, "verbosity": None, "colour": "red"}, {})

    assert (plan.options.server_name, plan.given["port"]) == ("", (8001,))


def test_a_plan_is_described() -> None:
    """Each value with the place where it was said."""
    plan = read_plan(None, {"http_timeout": "5"}, {"cluster": "blue"})

    assert [*describe(plan)] == ["http_timeout = 5.0  (--http-timeout)", "Everything is in order; cluster blue."]


def test_permissions_are_described_in_octal_digits() -> None:
    """As they are given; a decimal number could be given, too, and would mean others."""
    plan = read_plan(None, {"unix_socket_mode": "0660"}, {})

    assert next(describe(plan)) == "unix_socket_mode = '660'  (--unix-socket-mode)"


def test_misspelt_variables_are_named(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Already where a plan is only checked; those of the server and those of the mesh."""
    for name in ("ZMQLAYER_INTERFACE_HTTP_TIMOUT", "ZMQLAYER_CLUSTR", "ZMQLAYER_INTERFACE_CONFIG"):
        monkeypatch.setenv(name, "1")
    misspelt.tell.cache_clear()

    read_plan(None, {}, {})

    assert sorted(caplog.messages) == [
        "ZMQLAYER_CLUSTR is in the environment, and nobody reads it; did you mean ZMQLAYER_CLUSTER?",
        "ZMQLAYER_INTERFACE_HTTP_TIMOUT is in the environment, and nobody reads it; "
        "did you mean ZMQLAYER_INTERFACE_HTTP_TIMEOUT?",
    ]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is named, with the reason."""
    with pytest.raises(BadFile, match=r"cannot read .*none\.toml: No such file or directory"):
        read_plan(str(tmp_path / "none.toml"), {}, {})
