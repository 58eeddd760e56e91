"""Which folders are watched for changes, beside what was imported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import django

import support
from zmqlayer.worker.reloading import own_folders


def test_own_folders(settings: Any) -> None:
    """Those of the project's apps and of its routing; what is installed does not change."""
    settings.ZMQLAYER_ROUTING = "support.named_routing.routes"

    folders = own_folders()

    assert Path(support.__path__[0]) in folders
    assert not [folder for folder in folders if folder.is_relative_to(Path(django.__path__[0]))]


def test_a_routing_that_is_a_list(settings: Any) -> None:
    """Whatever holds it was imported, and is watched anyway."""
    settings.ZMQLAYER_ROUTING = []

    assert own_folders()
