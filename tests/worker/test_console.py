"""What is written to the terminal."""

from __future__ import annotations

import logging
import re

import pytest

from zmqlayer.worker.console import log_response, log_to_stderr


@pytest.fixture(autouse=True)
def propagated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the test see what goes to Django's own logger."""
    monkeypatch.setattr(logging.getLogger("django.server"), "propagate", True)


@pytest.mark.parametrize(
    ("status", "level"), [(101, "INFO"), (200, "INFO"), (304, "INFO"), (404, "WARNING"), (500, "ERROR")]
)
def test_a_response_has_a_line(status: int, level: str, caplog: pytest.LogCaptureFixture) -> None:
    """As Django's own server writes it, so that the project's LOGGING fits."""
    with caplog.at_level(logging.INFO, "django.server"):
        log_response(b"GET /hello/?a=1 HTTP/1.1", status, 1234, 0.0)

    (record,) = caplog.records
    assert (record.levelname, record.getMessage()) == (level, f'"GET /hello/?a=1 HTTP/1.1" {status} 1234')
    assert vars(record)["status_code"] == status
    assert re.fullmatch(r"\d\d/[A-Z][a-z]{2}/(1970|1969) \d\d:\d\d:\d\d", vars(record)["server_time"])


def test_a_client_cannot_write_to_the_terminal(caplog: pytest.LogCaptureFixture) -> None:
    """What is no plain text is escaped."""
    with caplog.at_level(logging.INFO, "django.server"):
        log_response(b"GET /\x1b[31m\xff HTTP/1.1", 400, 0, 0.0)

    assert caplog.records[0].getMessage() == '"GET /\\x1b[31m\\xff HTTP/1.1" 400 0'


@pytest.mark.parametrize(("verbosity", "name"), [(2, "zmqlayer"), (3, "root")])
def test_more_of_the_log(verbosity: int, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """-v 2 shows all that zmqlayer has to say, -v 3 all that anybody has."""
    logger = logging.getLogger(None if name == "root" else name)
    monkeypatch.setattr(logger, "handlers", [])
    monkeypatch.setattr(logger, "level", logger.level)

    log_to_stderr(verbosity)

    assert len(logger.handlers) == 1
    assert logger.getEffectiveLevel() == logging.DEBUG
    logger.setLevel(logging.WARNING)


def test_no_more_of_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the project's LOGGING says all."""
    monkeypatch.setattr(logging.getLogger("zmqlayer"), "handlers", [])

    log_to_stderr(1)

    assert logging.getLogger("zmqlayer").handlers == []
