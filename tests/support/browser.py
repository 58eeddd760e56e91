"""A headless Chromium, told over the DevTools protocol what to open, type and look at. It reaches loopback only."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from websockets.sync.client import ClientConnection, connect

__all__ = ["Browser", "Page", "browser"]

START_WITHIN_S: Final = 30.0
ANSWER_WITHIN_S: Final = 15.0
LOOK_EVERY_S: Final = 0.05
NAMES: Final = ("chromium", "chromium-browser", "google-chrome")
FLAGS: Final = (
    "--headless",
    "--no-sandbox",  # it is root that runs it in CI, and it opens nothing but our own pages
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
    "--ignore-certificate-errors",  # tests make their own
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--remote-debugging-port=0",
)


@contextmanager
def browser(directory: Path) -> Iterator[Browser]:
    """
    Start a browser with an empty profile in *directory*; the test is skipped where none is installed.

    When the block fails, pictures of all pages are left in *directory*.
    """
    program = next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        pytest.skip("no Chromium is installed")
    profile = directory / "profile"
    with (directory / "browser.log").open("wb") as log:
        process = subprocess.Popen(
            [program, *FLAGS, f"--user-data-dir={profile}"], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        with connect(_address(profile, process), max_size=None, open_timeout=ANSWER_WITHIN_S) as socket:
            started = Browser(socket)
            try:
                yield started
            except BaseException:
                started.take_pictures(directory)
                raise
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(profile, ignore_errors=True)


class Browser:
    """The connection to a browser: numbered commands and their results."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._pages: list[Page] = []

    def open(self, url: str) -> Page:
        """Open a tab with *url*."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = Page(self, session)
        self._pages.append(page)
        page.call("Page.navigate", url=url)
        return page

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Return the result of one command; what happens meanwhile is not listened to."""
        number = next(self._numbers)
        command = {"id": number, "method": method, "params": params}
        self._socket.send(json.dumps(command | ({"sessionId": session} if session else {})))
        while True:
            answer = json.loads(self._socket.recv(ANSWER_WITHIN_S))
            if answer.get("id") == number:
                break
        if "error" in answer:
            raise AssertionError(f"{method}: {answer['error']['message']}")
        result: dict[str, Any] = answer["result"]
        return result

    def take_pictures(self, directory: Path) -> None:
        """Write what each page shows to ``page-N.png``."""
        for number, page in enumerate(self._pages, 1):
            picture = page.call("Page.captureScreenshot")["data"]
            (directory / f"page-{number}.png").write_bytes(base64.b64decode(picture))


class Page:
    """One tab."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """Return the result of one command of this tab."""
        return self._browser.call(method, self._session, **params)

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression of JavaScript, or what it promises; None while it cannot be computed."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return None if "exceptionDetails" in answer else answer["result"].get("value")

    def text(self, selector: str) -> str:
        """Return the words of the first element that fits; empty if there is none."""
        return self.evaluate(f"document.querySelector({json.dumps(selector)}).textContent") or ""

    def texts(self, selector: str) -> list[str]:
        """Return the words of all elements that fit."""
        found = self.evaluate(f"[...document.querySelectorAll({json.dumps(selector)})].map((e) => e.textContent)")
        return list(found or [])

    def type(self, selector: str, text: str) -> None:
        """Put the cursor into a field, type, and press Enter."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).focus()")
        self.call("Input.insertText", text=text)
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key="Enter", windowsVirtualKeyCode=13, text="\r")

    def choose(self, selector: str, file: Path) -> None:
        """Choose a file in the first field that fits."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        field = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=field, files=[str(file)])

    def wait_for(self, selector: str, text: str, within_s: float) -> None:
        """Return when an element that fits has exactly these words; fail if that takes longer."""
        deadline = time.monotonic() + within_s
        while text not in (found := self.texts(selector)):
            if time.monotonic() > deadline:
                raise AssertionError(f"{selector} is {found}, and not {text!r}, after {within_s:g} s")
            time.sleep(LOOK_EVERY_S)


def _address(profile: Path, process: subprocess.Popen[bytes]) -> str:
    """Wait until the browser has written where it listens."""
    written = profile / "DevToolsActivePort"
    deadline = time.monotonic() + START_WITHIN_S
    while not (written.exists() and written.read_text().count("\n")):
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError("the browser did not start; browser.log says why")
        time.sleep(LOOK_EVERY_S)
    port, path = written.read_text().splitlines()
    return f"ws://127.0.0.1:{port}{path}"
