"""Where workers want to hear of events."""

from __future__ import annotations

import pytest

from support.connections import NODE
from zmqlayer.interface.conversations.invitations import read_invitation
from zmqlayer.interface.conversations.replies import BadReply


def test_most_messages_are_no_invitation() -> None:
    """The key is absent, or None."""
    assert read_invitation({"status": 200}) is None
    assert read_invitation({"events_channel": None}) is None


def test_an_invitation_names_a_process_channel() -> None:
    """The name says which node it is."""
    assert read_invitation({"events_channel": f"events.{NODE}!1"}) == f"events.{NODE}!1"


@pytest.mark.parametrize("channel", ["events", "events!1", "no name", "", 7, b"events", "x" * 200, ["a"]])
def test_anything_else_is_a_mistake(channel: object) -> None:
    """Events would reach nobody, or anybody."""
    with pytest.raises(BadReply, match="'events_channel' is"):
        read_invitation({"events_channel": channel})
