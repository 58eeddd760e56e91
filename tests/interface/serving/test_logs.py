"""The access log's file."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from zmqlayer.interface.serving.logs import AccessLog
from zmqlayer.interface.serving.sockets import CannotServe


def test_lines_are_appended(tmp_path: Path) -> None:
    """Each is there at once."""
    path = tmp_path / "access.log"
    path.write_text("before\n")
    log = AccessLog(str(path))
    log.open()

    log.write("a line")

    assert path.read_text() == "before\na line\n"
    log.close()


def test_a_log_that_was_moved_away_begins_anew(tmp_path: Path) -> None:
    """As logrotate does it; nothing is lost between."""
    path, moved = tmp_path / "access.log", tmp_path / "access.log.1"
    log = AccessLog(str(path))
    log.open()
    log.write("one")
    path.rename(moved)
    log.write("two")

    log.reopen()
    log.write("three")

    assert (moved.read_text(), path.read_text()) == ("one\ntwo\n", "three\n")
    log.close()


def test_a_log_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    """Before anything starts."""
    with pytest.raises(CannotServe, match=r"cannot write the access log .*: Is a directory"):
        AccessLog(str(tmp_path)).open()


def test_reopening_that_fails_keeps_the_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One line in the log says so."""
    path = tmp_path / "logs" / "access.log"
    path.parent.mkdir()
    log = AccessLog(str(path))
    log.open()
    path.parent.rename(tmp_path / "moved")

    log.reopen()
    log.write("a line")

    assert (tmp_path / "moved" / "access.log").read_text() == "a line\n"
    assert "lines go where they went before" in caplog.text
    log.close()


def test_standard_output_is_written(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    """And stays open."""
    log = AccessLog("-")
    log.open()
    log.write("a line")
    log.reopen()
    log.write("more")

    assert capsysbinary.readouterr().out == b"a line\nmore\n"


def test_a_full_disk_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """Responses go on."""
    log = AccessLog("/dev/full")
    log.open()
    caplog.set_level(logging.ERROR)

    log.write("a line")
    log.write("a line")

    log.close()
    assert caplog.messages == ["cannot write the access log /dev/full: No space left on device"]
