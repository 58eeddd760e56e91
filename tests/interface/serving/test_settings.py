"""The table of options."""

from __future__ import annotations

from dataclasses import fields

from zmqlayer.interface.options import ServerOptions
from zmqlayer.interface.serving.settings import BY_NAME, SECTIONS, SETTINGS


def test_every_limit_has_an_option() -> None:
    """All but the message size, which is the layer's."""
    assert {setting.field for setting in SETTINGS} - {""} == {option.name for option in fields(ServerOptions)} - {
        "max_message_size"
    }


def test_names_are_given_once() -> None:
    """No two options share a name, a flag or a letter."""
    flags = [flag for s in SETTINGS for flag in (s.flag, s.short, *s.aliases) if flag]

    assert len(BY_NAME) == len(SETTINGS)
    assert sorted(set(flags)) == sorted({*flags})
    assert not [flag for flag in flags if sum(flag in (s.flag, s.short, *s.aliases) for s in SETTINGS) > 1]


def test_every_option_is_in_a_section_of_help() -> None:
    """Sections follow each other, and none comes twice."""
    order = list(dict.fromkeys(setting.section for setting in SETTINGS))

    assert tuple(order) == SECTIONS


def test_daphnes_spellings_are_known() -> None:
    """Flags that Daphne writes with underscores are flags here too."""
    for spelling in ("--websocket_timeout", "--websocket_connect_timeout"):
        assert [setting for setting in SETTINGS if spelling in setting.aliases]


def test_names_lead_to_places() -> None:
    """A flag, a variable and a key are made of one name."""
    setting = BY_NAME["http_timeout"]

    assert (setting.flag, setting.variable) == ("--http-timeout", "ZMQLAYER_INTERFACE_HTTP_TIMEOUT")
    assert setting.value_if_absent == ServerOptions().http_timeout_s
