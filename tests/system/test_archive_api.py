"""Django REST framework behind the mesh: JSON, pages, uploads, tokens, sessions and limits."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator

import httpx
import pytest

from support.archive_run import PASSWORD, USER, Archive

pytestmark = [pytest.mark.system, pytest.mark.timeout(120)]

BLOB = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(100_000))  # 3.2 MB
DOCUMENTS = "/api/documents"
UPLOADS_A_MINUTE = 20


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """A server and two workers, which to their end complain of nothing, like a temporary file that was moved away."""
    with Archive(tmp_path_factory.mktemp("archive")) as started:
        yield started
        output = started.stop()
    assert "Traceback" not in output, output


@pytest.fixture
def visitor(archive: Archive) -> Iterator[httpx.Client]:
    """A client that nobody knows."""
    with archive.client() as client:
        yield client


@pytest.fixture
def program(archive: Archive) -> Iterator[httpx.Client]:
    """A client with a token."""
    with archive.client() as client:
        token = client.post("/api/token", data={"username": USER, "password": PASSWORD}).json()["token"]
        client.headers["Authorization"] = f"Token {token}"
        yield client


def test_a_document_from_its_begin_to_its_end(program: httpx.Client) -> None:
    """JSON creates, reads, replaces, changes and deletes."""
    created = program.post(DOCUMENTS, json={"title": "Ärger"})
    path = f"{DOCUMENTS}/{created.json()['id']}"
    read = program.get(path)
    replaced = program.put(path, json={"title": "Two"})
    changed = program.patch(path, json={"title": "Three"})
    deleted = program.delete(path)

    assert [each.status_code for each in (created, read, replaced, changed, deleted)] == [201, 200, 200, 200, 204]
    assert [each.json()["title"] for each in (created, read, replaced, changed)] == ["Ärger", "Ärger", "Two", "Three"]
    assert (deleted.content, program.get(path).status_code) == (b"", 404)


def test_a_form_with_a_file(program: httpx.Client) -> None:
    """What is no JSON is taken too."""
    created = program.post(DOCUMENTS, data={"title": "Form"}, files={"file": ("form.bin", BLOB)})

    assert (created.status_code, created.json()["size"]) == (201, len(BLOB))
    assert program.get(created.json()["file"]).content == BLOB


def test_a_body_that_is_the_file(program: httpx.Client) -> None:
    """An upload without any form arrives whole."""
    path = f"{DOCUMENTS}/{program.post(DOCUMENTS, json={'title': 'Raw'}).json()['id']}"

    answer = program.put(f"{path}/file/raw.bin", content=BLOB)

    assert (answer.status_code, answer.json()["size"]) == (200, len(BLOB))
    assert program.get(answer.json()["file"]).content == BLOB


def test_pages(program: httpx.Client) -> None:
    """A list goes on in the page that it links to, at the address that the client used."""
    for number in range(12):
        program.post(DOCUMENTS, json={"title": f"Page {number}"})

    first = program.get(DOCUMENTS).json()
    second = program.get(first["next"]).json()

    here = str(program.base_url.join(DOCUMENTS))
    assert (first["previous"], first["next"], second["previous"]) == (None, f"{here}?page=2", here)
    assert len(first["results"]) == 10
    assert not {each["id"] for each in first["results"]} & {each["id"] for each in second["results"]}


def test_who_has_no_token_may_only_read(visitor: httpx.Client) -> None:
    """A stranger is told how to log in."""
    read = visitor.get(DOCUMENTS)
    refused = visitor.post(DOCUMENTS, json={"title": "Spam"})

    assert (read.status_code, read.json()["count"] >= 0) == (200, True)
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Token")


def test_what_cannot_be_taken(program: httpx.Client) -> None:
    """A mistake of the client is named, with the status that it has."""
    broken = program.post(DOCUMENTS, content=b"{", headers={"Content-Type": "application/json"})
    foreign = program.post(DOCUMENTS, content=b"<a/>", headers={"Content-Type": "application/xml"})
    empty = program.post(DOCUMENTS, json={})
    wrong = program.post(f"{DOCUMENTS}/1/file/x", content=b"x")

    assert [each.status_code for each in (broken, foreign, empty, wrong)] == [400, 415, 400, 405]
    assert empty.json() == {"title": ["This field is required."]}


def test_the_browsable_api(visitor: httpx.Client) -> None:
    """In a browser the API is a page with a form, once somebody has logged in; the page's token guards the form."""
    visitor.headers["Accept"] = "text/html"
    login = visitor.get("/api/login/")
    token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', login.text)[0]
    visitor.post("/api/login/", data={"csrfmiddlewaretoken": token, "username": USER, "password": PASSWORD})

    page = visitor.get(DOCUMENTS)
    forged = visitor.post(DOCUMENTS, data={"title": "Forged"})
    posted = visitor.post(DOCUMENTS, data={"title": "Posted", "csrfmiddlewaretoken": visitor.cookies["csrftoken"]})

    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "<h1>Document List</h1>" in page.text and 'name="title"' in page.text
    assert [forged.status_code, posted.status_code] == [403, 201]


def test_too_many_uploads(archive: Archive, program: httpx.Client) -> None:
    """Whichever workers took them, they count together, and the client learns when to come again."""
    path = f"{DOCUMENTS}/{program.post(DOCUMENTS, json={'title': 'Many'}).json()['id']}/file/many.bin"

    shutil.rmtree(archive.folder / "cache")  # with what the tests before have used up

    answers = [program.put(path, content=b"many") for _ in range(UPLOADS_A_MINUTE + 1)]

    assert {each.status_code for each in answers[:-1]} == {200}
    assert answers[-1].status_code == 429
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
