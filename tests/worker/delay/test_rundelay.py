"""``manage.py rundelay``: what it says, and how it ends."""

from __future__ import annotations

import io
import signal
import threading
from collections.abc import Iterator

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from support.delay_run import request
from support.memory_layer import Content, MemoryLayer, MemoryPeer
from zmqlayer.names import NodeId
from zmqlayer.worker.delay.management.commands import rundelay
from zmqlayer.worker.delay.models import DelayedMessage
from zmqlayer.worker.layers import channel_layers

pytestmark = pytest.mark.usefixtures("database")


class StoppingLayer(MemoryLayer):
    """Stops the command once a message has reached ``reminders``."""

    def send(self, channel: str, message: Content) -> None:
        """Send, and be done."""
        super().send(channel, message)
        if channel == "reminders":
            main = threading.main_thread().ident
            assert main is not None
            signal.pthread_kill(main, signal.SIGTERM)


class Announced(io.StringIO):
    """What the command says; once it has said a word, a message is due, which stops the command."""

    def __init__(self, word: str, layer: StoppingLayer) -> None:
        super().__init__()
        self.word = word
        self.layer = layer

    def write(self, text: str) -> int:
        """Take a sentence."""
        if self.word in text:
            self.layer.send("asgi.delay", request(delay=1))
        return super().write(text)


@pytest.fixture
def layer() -> Iterator[StoppingLayer]:
    """The layer that the command uses."""
    layer = StoppingLayer()
    channel_layers.put("default", layer)
    yield layer
    channel_layers.close()


@pytest.mark.parametrize(("args", "place"), [(["--memory"], "in memory"), ([], "in the database")])
def test_a_run(layer: StoppingLayer, args: list[str], place: str) -> None:
    """It says at the start what it does; a signal ends it, closes the layer and puts the signal handlers back."""
    before = signal.getsignal(signal.SIGTERM)
    out = io.StringIO()
    layer.send("asgi.delay", request(7, delay=1))

    call_command("rundelay", *args, stdout=out)

    said = out.getvalue().splitlines()
    assert said[0] == f"delay server aaaa reads asgi.delay and keeps messages {place} in cluster 'default'"
    assert layer.sent("reminders") == [{"number": 7}]
    assert (layer.role, layer.is_closed) == ("delay", True)
    assert signal.getsignal(signal.SIGTERM) is before
    assert not DelayedMessage.objects.exists()


@pytest.mark.parametrize(
    ("peers", "sentence"),
    [([], "found nobody yet; it goes on looking"), ([MemoryPeer(NodeId(b"\xff" * 16))], "found interface 7777")],
)
def test_whom_it_found(
    layer: StoppingLayer, monkeypatch: pytest.MonkeyPatch, peers: list[MemoryPeer], sentence: str
) -> None:
    """A moment after the start it says whom it found."""
    monkeypatch.setattr(rundelay, "LOOK_AROUND_S", 0.0)
    layer.links.extend(peers)
    out = Announced("found", layer)

    call_command("rundelay", "--memory", stdout=out)

    assert out.getvalue().splitlines()[1] == f"delay server aaaa {sentence}"


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["--sleep", "0"], "--sleep is 0, and has to be a number of seconds above 0"),
        (["--sleep", "nan"], "--sleep is nan"),
        (["--layer", "other"], r"CHANNEL_LAYERS\['other'\] is missing"),
    ],
)
def test_mistakes_have_a_sentence(layer: StoppingLayer, args: list[str], sentence: str) -> None:
    """A wrong flag ends the command with what to do about it, not with a traceback."""
    with pytest.raises(CommandError, match=sentence):
        call_command("rundelay", *args)


def test_a_database_without_the_table(layer: StoppingLayer) -> None:
    """Who forgot to migrate is told so at the start."""
    with connection.schema_editor() as editor:
        editor.delete_model(DelayedMessage)
    try:
        with pytest.raises(CommandError, match=r"run 'manage.py migrate', or use --memory"):
            call_command("rundelay")
    finally:
        with connection.schema_editor() as editor:
            editor.create_model(DelayedMessage)
