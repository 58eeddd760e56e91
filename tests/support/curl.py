"""curl, as a user runs it, with what it says of the transfer."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

__all__ = ["Transfer", "curl"]

WITHIN_S: Final = 20


@dataclass(frozen=True, slots=True)
class Transfer:
    """
    One transfer.

    Attributes:
        exit: What curl ended with; 0 if all went well.
        said: The variables of ``--write-out`` of the last transfer.
        body: What was received, of all transfers.
        trace: What ``--verbose`` shows: lines with ``>`` were sent, with ``<`` received.
    """

    exit: int
    said: Mapping[str, Any]
    body: bytes
    trace: str

    @property
    def status(self) -> int:
        """Of the response; 0 if there was none."""
        return int(self.said["response_code"])


def curl(directory: Path, *arguments: str, stdin: bytes = b"") -> Transfer:
    """
    Run curl and return what it saw; the test is skipped where it is not installed.

    Args:
        directory: Where the body is written to.
    """
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    output = directory / "body"
    command = ["curl", "-q", "--silent", "--verbose", "--noproxy", "*", "--max-time", str(WITHIN_S)]
    done = subprocess.run(
        [*command, "--write-out", "%{stderr}\n%{json}", "--output", str(output), *arguments],
        input=stdin,
        capture_output=True,
        timeout=WITHIN_S + 10,
        check=False,
    )
    trace, _, said = done.stderr.decode(errors="replace").rpartition("\n")
    body = output.read_bytes() if output.exists() else b""
    return Transfer(done.returncode, json.loads(said), body, trace)
