"""
Data binding over one stream of a WebSocket.

::

    class NoteBinding(WebsocketBinding):
        model = "notes.Note"
        stream = "notes"
        fields = ["title", "text"]

        @classmethod
        def group_names(cls, note):
            return [f"board-{note.board_id}"]

        def has_permission(self, user, action, pk):
            return user.is_authenticated

    class Board(WebsocketDemultiplexer):
        consumers = {"notes": NoteBinding.consumer}

        def connection_groups(self, board, **kwargs):
            return [f"board-{board}"]

Browsers hear ``{"action": "update", "pk": 7, "model": "notes.note", "data": {…}}`` as payloads, and may send the same
without the model. Who asks for what cannot be done hears ``{"action": "error", "failed": "update", "pk": 7, "model":
"notes.note", "errors": {"title": ["This field cannot be blank."]}}``; what concerns no single field is under
``"__all__"``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, Final

from django.core import serializers
from django.core.exceptions import NON_FIELD_ERRORS, ImproperlyConfigured, ObjectDoesNotExist, ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import DatabaseError

from zmqlayer.messages import WEBSOCKET_RECEIVE
from zmqlayer.messages import Message as Content
from zmqlayer.worker.binding.base import Binding
from zmqlayer.worker.generic.frames import parse_json, read_json
from zmqlayer.worker.generic.streams import WebsocketMultiplexer
from zmqlayer.worker.message import Message
from zmqlayer.worker.sessions import enforce_ordering

__all__ = ["WebsocketBinding", "WebsocketBindingWithMembers"]

ERROR: Final = "error"
TEXT_LIMIT: Final = 200
"""How many characters of a text a client gets back: problems may repeat what it sent, and that may be long."""


class WebsocketBinding(Binding):
    """
    A binding whose objects travel as JSON on one stream.

    Attributes:
        stream: The name of the stream that groups hear.
        strict_ordering: As for :class:`~zmqlayer.worker.generic.websockets.WebsocketConsumer`.
    """

    model: Any = None
    stream: str | None = None
    strict_ordering: bool = False

    @classmethod
    def register(cls) -> None:
        """
        Find the model, and connect its signals; a second time changes nothing.

        Raises:
            ImproperlyConfigured: There is no model or stream, or no field of the model is chosen.
        """
        super().register()
        if cls.model is not None and cls.stream is None:
            raise ImproperlyConfigured(f"{cls.__name__} has no stream")

    # Outwards.

    @classmethod
    def encode(cls, stream: Any, payload: Any) -> Content:
        """Return the message that sends *payload* on *stream*."""
        return WebsocketMultiplexer.encode(stream, payload)

    def serialize(self, instance: Any, action: str) -> Any:
        """Return what to send of *instance*."""
        return {
            "action": action,
            "pk": instance.pk,
            "data": self.serialize_data(instance),
            "model": self.model_label,
        }

    def serialize_data(self, instance: Any) -> dict[str, Any]:
        """Return the chosen fields of *instance*, as Django's JSON serializer writes them."""
        data: dict[str, Any] = {}
        for part in _parts(instance):
            written = serializers.serialize("json", [part], fields=self.selection.names)
            data |= json.loads(written)[0]["fields"]
        return data

    # Inwards.

    @classmethod
    def get_handler(cls) -> Callable[..., Any]:
        """Return :meth:`trigger_inbound` in the decorators that the attributes ask for."""
        consumer = super().get_handler()
        return enforce_ordering(consumer) if cls.strict_ordering else consumer

    @classmethod
    def trigger_inbound(cls, message: Message, **kwargs: Any) -> None:
        """Do what *message* asks for, or refuse it. Connects and disconnects ask for nothing."""
        if message.channel.name == WEBSOCKET_RECEIVE:
            super().trigger_inbound(message, **kwargs)

    def deserialize(self, message: Message) -> tuple[Any, Any, Any]:
        """
        Return the action, the key and the values that *message* asks for.

        Raises:
            UnusableFrame: It is no JSON.
            ValidationError: It is no object.
        """
        asked = read_json(message, parse_json)
        if not isinstance(asked, dict):
            raise ValidationError("An object with an action is expected.")
        return asked.get("action"), asked.get("pk"), asked.get("data")

    def create(self, data: Mapping[str, Any]) -> None:
        """Store a new object with the chosen fields of *data*; never over one that exists."""
        instance = self.model()
        related = self.selection.assign(instance, data)
        instance.save(force_insert=True)
        _relate(instance, related)

    def update(self, pk: Any, data: Mapping[str, Any]) -> None:
        """Change the chosen fields of the object with the key *pk* to *data*."""
        instance = self.model._default_manager.get(pk=pk)
        related = self.selection.assign(instance, data)
        instance.save()
        _relate(instance, related)

    def refuse(self, problem: Exception) -> None:
        """Send the problem to the client, on the stream that it used."""
        multiplexer = self.kwargs.get("multiplexer")
        if multiplexer is None and self.message.reply_channel is not None:
            multiplexer = WebsocketMultiplexer(str(self.stream), self.message.reply_channel)
        if multiplexer is not None:
            asked = {"failed": _brief(self.action), "pk": _brief(self.pk)}
            multiplexer.send({"action": ERROR, **asked, "model": self.model_label, "errors": _describe(problem)})


class WebsocketBindingWithMembers(WebsocketBinding):
    """
    A binding that also sends attributes, properties and methods of objects.

    Attributes:
        send_members: Their names, as in ``["word_count", "author.get_full_name"]``; methods are called without
            arguments. A dot becomes two underscores in the name that the browser sees.
    """

    model: Any = None
    send_members: Iterable[str] = ()
    encoder: ClassVar[json.JSONEncoder] = DjangoJSONEncoder()

    def serialize_data(self, instance: Any) -> dict[str, Any]:
        """Return the chosen fields and members of *instance*."""
        members = {path.replace(".", "__"): _member(instance, path) for path in self.send_members}
        return {**super().serialize_data(instance), **json.loads(self.encoder.encode(members))}


def _parts(instance: Any) -> Iterator[Any]:
    """Yield what *instance* is of each of its ancestors' tables, and itself: Django serializes a model's own only."""
    for ancestor in instance._meta.concrete_model._meta.all_parents:
        names = [field.attname for field in ancestor._meta.concrete_fields]
        yield ancestor.from_db(instance._state.db, names, [getattr(instance, name) for name in names])
    yield instance


def _member(instance: Any, path: str) -> Any:
    member = instance
    for name in path.split("."):
        member = getattr(member, name)
    return member() if callable(member) else member


def _relate(instance: Any, related: Mapping[str, list[Any]]) -> None:
    for name, objects in related.items():
        getattr(instance, name).set(objects)


def _brief(value: Any) -> str | int | None:
    """Return what the client sent for a name or a key, if it can be one."""
    return value if isinstance(value, int) or (isinstance(value, str) and len(value) <= TEXT_LIMIT) else None


def _describe(problem: Exception) -> dict[str, list[str]]:
    """Return the problem in words for the client, by field."""
    if isinstance(problem, ValidationError):
        by_field = problem.message_dict if hasattr(problem, "error_dict") else {NON_FIELD_ERRORS: problem.messages}
    elif isinstance(problem, ObjectDoesNotExist):
        by_field = {NON_FIELD_ERRORS: ["There is no such object."]}
    elif isinstance(problem, DatabaseError):
        by_field = {NON_FIELD_ERRORS: ["The database does not take this."]}  # its own words are not for strangers
    else:
        by_field = {NON_FIELD_ERRORS: [str(problem)]}
    return {name: [text[:TEXT_LIMIT] for text in problems] for name, problems in by_field.items()}
