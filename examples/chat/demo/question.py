"""Asks a server over HTTP until a worker answers: the proof that a request crosses the mesh and comes back."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from demo.events import Answered

__all__ = ["ask"]

GIVE_UP_AFTER_S: Final = 10.0
TIMEOUT_S: Final = 5.0
PAUSE_S: Final = 0.1


def ask(url: str, report: Callable[[Answered], None]) -> None:
    """Ask *url* in the background until a worker answers, for 10 s at most; report once."""
    threading.Thread(target=_ask, args=(url, report), daemon=True).start()


def _ask(url: str, report: Callable[[Answered], None]) -> None:
    give_up_at = time.monotonic() + GIVE_UP_AFTER_S
    problem = _problem(url)
    while problem and time.monotonic() < give_up_at:
        time.sleep(PAUSE_S)
        problem = _problem(url)
    report(Answered(url, problem))


def _problem(url: str) -> str | None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/api/whoami")
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            return f"status {response.status}"
        return None if json.loads(body)["worker"] else "no worker in the answer"
    except (OSError, http.client.HTTPException, ValueError, KeyError) as exc:
        return str(exc) or type(exc).__name__
    finally:
        connection.close()
