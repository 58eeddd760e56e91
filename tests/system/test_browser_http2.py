"""A browser that speaks HTTP/2 to a server with TLS, and WebSocket beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.browser import Page, browser
from support.tls_site import TlsSite

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

SOON_S = 20.0
TALK = """
const shown = document.body.appendChild(document.createElement("pre"));
const bodies = [...Array(30).keys()].map((number) => String(number).repeat(3000));
const ask = (body) => fetch("/echo/", {method: "POST", body}).then((answer) => answer.text());
const socket = new WebSocket(location.href.replace("https", "wss"));
const spoken = new Promise((done) => { socket.onmessage = (event) => done(event.data); });
socket.onopen = () => socket.send("spoken");
Promise.all([spoken, ...bodies.map(ask)]).then(([heard, ...answers]) => {
    const spoke = performance.getEntries().map((entry) => entry.nextHopProtocol).filter(Boolean);
    const echoed = answers.filter((answer, number) => answer === bodies[number]).length;
    shown.textContent = JSON.stringify([heard, echoed, ...new Set(spoke)]);
});
"""


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    """A tab that does not mind who signed the certificate."""
    with browser(tmp_path) as chromium:
        page = chromium.open("about:blank")
        page.call("Security.setIgnoreCertificateErrors", ignore=True)
        yield page


def test_a_page_over_http2_with_a_websocket(page: Page, tmp_path: Path) -> None:
    """Page and requests come over HTTP/2; the WebSocket finds its way over HTTP/1.1 by itself."""
    with TlsSite(tmp_path) as site:
        page.call("Page.navigate", url=site.url("/hello/"))
        page.wait_for("body", "hello", SOON_S)
        page.evaluate(TALK)

        page.wait_for("pre", json.dumps(["spoken", 30, "h2"], separators=(",", ":")), SOON_S)
