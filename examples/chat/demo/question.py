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

TIMEOUT_S: Final = 5.0
PAUSE_S: Final = 0.1


def ask(url: str, within_s: float, report: Callable[[Answered], None]) -> None:
    """Ask *url* in the background until a worker answers or *within_s* seconds passed; report once."""
    threading.Thread(target=_ask, args=(url, time.monotonic() + within_s, report), daemon=True).start()


def _ask(url: str, give_up_at: float, report: Callable[[Answered], None]) -> None:
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
