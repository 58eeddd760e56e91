"""Django's admin behind the mesh: login, objects with files, and static files; nothing of it was written here."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from support.archive_run import PASSWORD, USER, Archive
from support.browser import Browser, browser

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

BLOB = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(150_000))  # 4.8 MB
OTHER = BLOB[::-1]
LOGIN = "/admin/login/?next=/admin/"
ADD = "/admin/archive/document/add/"
SOON_S = 20.0


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """A server and two workers."""
    with Archive(tmp_path_factory.mktemp("archive")) as started:
        yield started


@pytest.fixture
def client(archive: Archive) -> Iterator[httpx.Client]:
    """A client that has not logged in."""
    with archive.client() as client:
        yield client


@pytest.fixture
def ada(client: httpx.Client) -> httpx.Client:
    """A client that has logged in."""
    assert submit(client, LOGIN, username=USER, password=PASSWORD).headers["location"] == "/admin/"
    return client


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator[Browser]:
    """A browser."""
    with browser(tmp_path) as started:
        yield started


def submit(client: httpx.Client, path: str, file: bytes | None = None, **fields: str) -> httpx.Response:
    """Fill in the form of a page and send it, as a browser does with its hidden token."""
    token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', client.get(path).text)[0]
    files = {"file": ("minutes.bin", file)} if file is not None else None
    return client.post(path, data={"csrfmiddlewaretoken": token, **fields}, files=files)


def add(client: httpx.Client, title: str, file: bytes) -> str:
    """Add a document and return the path of its page."""
    assert submit(client, ADD, file, title=title, _continue="1").status_code == 302
    number = max(map(int, re.findall(r"/admin/archive/document/(\d+)/change/", listed(client))))
    return f"/admin/archive/document/{number}/change/"


def listed(client: httpx.Client) -> str:
    """Return the page with all documents."""
    return client.get("/admin/archive/document/").text


def stored(client: httpx.Client, page: str) -> bytes:
    """Download the file that a document's page links to."""
    (link,) = re.findall(r'<a href="(/files/[^"]+)"', client.get(page).text)
    return client.get(link).content


def test_a_visitor_is_sent_to_the_login(client: httpx.Client) -> None:
    """Whoever is not logged in sees nothing of the admin."""
    answer = client.get("/admin/archive/document/")

    assert (answer.status_code, answer.headers["location"]) == (302, "/admin/login/?next=/admin/archive/document/")


def test_a_login_sets_cookies(client: httpx.Client) -> None:
    """The session's cookie is set beside the token's, each in a header of its own."""
    answer = submit(client, LOGIN, username=USER, password=PASSWORD)

    names = [cookie.partition("=")[0] for cookie in answer.headers.get_list("set-cookie")]
    assert (answer.status_code, sorted(names)) == (302, ["csrftoken", "sessionid"])
    assert f"<strong>{USER}</strong>" in client.get("/admin/").text


def test_a_wrong_password(client: httpx.Client) -> None:
    """The form comes again, with what is wrong."""
    answer = submit(client, LOGIN, username=USER, password="guessed")

    assert answer.status_code == 200
    assert "Please enter the correct username and password" in answer.text


def test_a_form_of_another_site(client: httpx.Client) -> None:
    """Without the token of the page a form is refused."""
    answer = client.post(LOGIN, data={"username": USER, "password": PASSWORD})

    assert answer.status_code == 403
    assert "CSRF verification failed" in answer.text


def test_an_upload_comes_back_as_it_was(ada: httpx.Client) -> None:
    """A document is added with a file of some megabytes, which downloads intact."""
    page = add(ada, "Minutes", BLOB)

    assert stored(ada, page) == BLOB


def test_a_change(ada: httpx.Client) -> None:
    """Another title and another file take the place of the first."""
    page = add(ada, "Draft", BLOB)

    answer = submit(ada, page, OTHER, title="Final")

    assert answer.status_code == 302
    assert stored(ada, page) == OTHER
    assert ">Final</a>" in listed(ada) and ">Draft</a>" not in listed(ada)


def test_a_deletion(ada: httpx.Client) -> None:
    """The admin asks, and a second click deletes."""
    page = add(ada, "Obsolete", b"short")

    answer = submit(ada, page.replace("change", "delete"), post="yes")

    assert answer.status_code == 302
    assert ">Obsolete</a>" not in listed(ada)
    assert ada.get(page).status_code == 302


def test_a_document_without_a_title(ada: httpx.Client) -> None:
    """The form says what is missing, although a large file came with it."""
    answer = submit(ada, ADD, BLOB, title="")

    assert answer.status_code == 200
    assert "This field is required." in answer.text


def test_a_logout(ada: httpx.Client) -> None:
    """The session ends for all workers."""
    answer = ada.post("/admin/logout/", data={"csrfmiddlewaretoken": ada.cookies["csrftoken"]})

    assert answer.status_code == 200
    assert [ada.get("/admin/").status_code for _ in range(4)] == [302] * 4


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/static/admin/css/base.css", "text/css"),
        ("/static/admin/js/core.js", "text/javascript"),
        ("/static/admin/img/icon-yes.svg", "image/svg+xml"),
    ],
)
def test_static_files(client: httpx.Client, path: str, kind: str) -> None:
    """The admin's own files are served, and not sent again to who has them."""
    answer = client.get(path)

    again = client.get(path, headers={"If-Modified-Since": answer.headers["last-modified"]})
    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    assert len(answer.content) == int(answer.headers["content-length"]) > 0
    assert (again.status_code, again.content) == (304, b"")


def test_in_a_browser(chromium: Browser, archive: Archive, tmp_path: Path) -> None:
    """Somebody logs in, chooses a file, saves, and finds the document in the list, in the admin's colours."""
    chosen = tmp_path / "minutes.bin"
    chosen.write_bytes(BLOB)
    page = chromium.open(archive.url + LOGIN)
    page.wait_for("label[for=id_username]", "Username:", SOON_S)
    page.type("#id_username", USER)
    page.type("#id_password", PASSWORD)
    page.wait_for("#user-tools strong", USER, SOON_S)

    page.call("Page.navigate", url=archive.url + ADD)
    page.wait_for("label[for=id_title]", "Title:", SOON_S)
    page.choose("#id_file", chosen)
    page.type("#id_title", "Minutes of May")

    page.wait_for("#result_list .field-title a", "Minutes of May", SOON_S)
    assert page.text(".messagelist .success") == "The document “Minutes of May” was added successfully."
    assert page.text("#result_list .field-size") == str(len(BLOB))
    assert page.evaluate("getComputedStyle(document.querySelector('#header')).backgroundColor") == "rgb(65, 118, 144)"
