"""Secrets: how they are read, what is refused, and what a Django project's keys are worth."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmqlayer.exceptions import ConfigError
from zmqlayer.keyring import ProjectSecrets, check_secrets, cluster_tag, read_secret, read_secrets

ONE, TWO = "first-secret-0123456", "second-secret-012345"
STRONG = "k$0&b!q9xw@3v#7zt5m(1r^p8_y2)c6=n4-e+h*j%dfgasuloi"
INSECURE = "django-insecure-" + STRONG


@pytest.mark.parametrize("value", [[ONE, TWO], (ONE.encode(), TWO), f"{ONE} {TWO}", f" {ONE},{TWO}\n", [ONE, TWO, ONE]])
def test_secrets_are_a_list_or_one_text(value: object) -> None:
    """A list of text or bytes, or text with spaces or commas between; each counts once, in order."""
    assert read_secrets(value) == (ONE.encode(), TWO.encode())


def test_a_list_may_hold_any_text() -> None:
    """Only one text for all is divided at spaces: a secret in a list may have some."""
    assert read_secrets(["correct horse battery staple"]) == (b"correct horse battery staple",)


@pytest.mark.parametrize("value", [5, b"bytes-are-one-secret", None, [5]])
def test_other_values_are_refused(value: object) -> None:
    """What is neither is named by its type."""
    with pytest.raises(ConfigError, match="'secrets'"):
        read_secrets(value)


@given(st.text(min_size=8, max_size=15).filter(lambda text: len(text.encode()) < 16))
def test_errors_hold_no_secret(secret: str) -> None:
    """Who reads the log, or a page about an error, learns the length and the cure."""
    with pytest.raises(ConfigError) as caught:
        check_secrets([read_secret(secret)], 8)

    assert repr(secret) not in str(caught.value)
    assert "'zmqlayer keygen' makes one" in str(caught.value)


def test_too_many_secrets_are_refused() -> None:
    """Each takes two ports."""
    with pytest.raises(ConfigError, match="9 are more than 8"):
        check_secrets([bytes([n]) * 16 for n in range(9)], 8)


def test_tags_tell_secrets_and_clusters_apart() -> None:
    """Eight hex digits, which say nothing about the secret."""
    tags = {cluster_tag(secret, name) for secret in (None, b"a" * 16, b"b" * 16) for name in ("x", "y")}

    assert len(tags) == 6
    assert all(len(bytes.fromhex(tag)) == 4 for tag in tags)


# Django's keys


def test_a_projects_key_is_its_secret() -> None:
    """SECRET_KEY is the primary secret as it stands, and the fallbacks are accepted."""
    project = ProjectSecrets.judge(STRONG, [STRONG[::-1], STRONG], 8)

    assert project == ProjectSecrets((STRONG.encode(), STRONG[::-1].encode()), "")


@pytest.mark.parametrize(
    ("key", "flaw"),
    [
        (INSECURE, "begins with 'django-insecure-'"),
        (STRONG[:40], "less than 50 characters"),
        ("ab" * 40, "less than 5"),
    ],
)
def test_a_key_that_others_may_know_is_flawed(key: str, flaw: str) -> None:
    """What Django's deployment check warns of may tell projects of one machine apart, and nothing more."""
    project = ProjectSecrets.judge(key, [STRONG], 8)

    assert flaw in project.flaw
    assert project.secrets == (key.encode(), STRONG.encode())


@pytest.mark.parametrize("key", ["", "short"])
def test_a_key_that_is_too_short_is_no_secret(key: str) -> None:
    """Less than 16 bytes encrypt nothing, fallbacks or not."""
    assert ProjectSecrets.judge(key, [STRONG], 8).secrets == ()


def test_a_flawed_fallback_is_not_accepted() -> None:
    """A project that leaves a published key behind does not let in those who know it."""
    project = ProjectSecrets.judge(STRONG, [INSECURE, "short"], 8)

    assert project == ProjectSecrets((STRONG.encode(),), "")


def test_only_so_many_fallbacks_are_used() -> None:
    """A project may keep many; the mesh takes the first."""
    fallbacks = [STRONG + str(n) for n in range(20)]

    assert len(ProjectSecrets.judge(STRONG, fallbacks, 8).secrets) == 8


def test_a_projects_secrets_are_not_shown() -> None:
    """Nor are they in what is printed of it."""
    assert STRONG not in repr(ProjectSecrets.judge(STRONG, [], 8))
