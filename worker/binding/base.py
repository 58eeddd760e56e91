"""
``Binding``: what happens to the rows of a model goes to groups, and what clients ask for may happen to the rows.

Outwards, each save and each deletion tells groups. Which ones, ``group_names`` says of the row as it was and as it is:
groups that lose the object hear "delete", those that keep it "update", new ones "create". All this leaves when the
transaction is committed, and nothing does if it is rolled back, be it only to a savepoint. A transaction that saves an
object twice says so twice. Inside a consumer it is then held, like all messages, until the consumer ends.

Nothing is kept on bindings or between saves. What signals do not tell, ``QuerySet.update``, ``bulk_create`` and changes
behind Django's back, bindings do not see; :meth:`Binding.announce` tells it by hand.

Signals are connected when the models are loaded: by :func:`connect_bindings`, which the app ``zmqlayer.worker`` calls,
or when the class is made later. A process that saves must therefore import its bindings.
"""

from __future__ import annotations

import inspect
import logging
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Final

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured, PermissionDenied, ValidationError
from django.db import DataError, IntegrityError, router, transaction
from django.db.models import Model
from django.db.models.signals import post_delete, post_save, pre_delete, pre_save
from django.utils.functional import classproperty
from django.utils.module_loading import import_string

from zmqlayer.messages import Message as Content
from zmqlayer.worker.auth import channel_session_user
from zmqlayer.worker.binding.rows import row_after, row_before, row_of
from zmqlayer.worker.binding.selection import Selection, read_value
from zmqlayer.worker.channel import Group
from zmqlayer.worker.generic.groups import group_set
from zmqlayer.worker.message import Message
from zmqlayer.worker.sessions import channel_session

__all__ = ["CREATE", "DELETE", "UPDATE", "Binding", "connect_bindings"]

logger = logging.getLogger(__name__)

CREATE: Final = "create"
UPDATE: Final = "update"
DELETE: Final = "delete"

NOBODY: Final = "django.contrib.auth.models.AnonymousUser"
"""Imported only when it is needed: without the app it cannot be."""

MOST_NESTED: Final = 100
"""How many saves of one instance may run inside each other; what saves that failed have left is dropped beyond it."""


class Binding:
    """
    Ties a model to groups. A subclass that is to be subclassed again, and has no model yet, sets ``model = None``.

    Attributes:
        model: The model, or its label, like ``"notes.Note"``.
        fields: Names of fields to send, and that clients may set; ``"__all__"`` for all.
        exclude: Names of those to leave out. A field that is called ``password`` is left out wherever ``fields`` does
            not name it.
        channel_session_user: Whether ``user`` is that of the channel session.
        channel_session: Whether messages have the channel session, without a user.
        signal_kwargs: While something is sent, what the signal told.
        message: While a message of a client is consumed, the message.
        kwargs: Likewise, what the route's filters found.
        user: Likewise, who sent it; an ``AnonymousUser`` if nobody knows.
        action: Likewise, what the client asked for, as it did.
        pk: Likewise, the key of the object.
        data: Likewise, the values.
    """

    model: Any = None
    fields: Iterable[str] | None = None
    exclude: Iterable[str] | None = None
    channel_session_user: bool = True
    channel_session: bool = False
    signal_kwargs: dict[str, Any] | None = None
    model_label: ClassVar[str]
    selection: ClassVar[Selection]

    message: Message
    kwargs: dict[str, Any]
    user: Any
    action: Any = None
    pk: Any = None
    data: Any = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if apps.models_ready:
            cls.register()

    @classmethod
    def register(cls) -> None:
        """
        Find the model, and connect its signals; a second time changes nothing.

        Raises:
            ImproperlyConfigured: There is no model, no field of it is chosen, or ``group_names`` takes other arguments.
        """
        if cls.model is None:
            if "model" not in vars(cls):
                raise ImproperlyConfigured(f"{cls.__name__} has no model; set model = None if it is to be subclassed")
            return
        cls._check_group_names()
        if isinstance(cls.model, str):
            cls.model = apps.get_model(cls.model)
        cls.model_label = cls.model._meta.label_lower
        cls.selection = Selection.of(cls.model, cls.fields, cls.exclude)
        for signal, receiver in cls._receivers():
            signal.connect(receiver, sender=cls.model)

    @classmethod
    def _check_group_names(cls) -> None:
        """Name the form that it had before Channels 1.0, which would fail at the first save only."""
        try:
            inspect.signature(cls.group_names).bind(object())
        except TypeError as exc:
            raise ImproperlyConfigured(
                f"{cls.__name__}.group_names has to be a classmethod of one instance: def group_names(cls, instance)"
            ) from exc

    @classmethod
    def unregister(cls) -> None:
        """Disconnect the model's signals."""
        for signal, receiver in cls._receivers():
            signal.disconnect(receiver, sender=cls.model)

    @classmethod
    def _receivers(cls) -> list[tuple[Any, Callable[..., None]]]:
        return [
            (pre_save, cls.pre_save_receiver),
            (post_save, cls.post_save_receiver),
            (pre_delete, cls.pre_delete_receiver),
            (post_delete, cls.post_delete_receiver),
        ]

    # Outwards: what to override.

    @classmethod
    def group_names(cls, instance: Any) -> Iterable[str]:
        """Return the names of the groups that are to hear of *instance*."""
        raise NotImplementedError(f"{cls.__name__} does not say which groups hear of an object")

    def serialize(self, instance: Any, action: str) -> Any:
        """Return what to send of *instance*; an empty dict for nothing. Called while the transaction is open."""
        raise NotImplementedError(f"{type(self).__name__} does not say what to send of an object")

    @classmethod
    def encode(cls, stream: Any, payload: Any) -> Content:
        """Return the message that carries *payload*."""
        raise NotImplementedError(f"{cls.__name__} does not say how to send")

    # Outwards: from signals to groups.

    @classmethod
    def announce(cls, instances: Iterable[Any], action: str) -> None:
        """
        Tell the groups of each of *instances* about *action* when the transaction is committed.

        For what signals do not tell: after ``bulk_create`` with ``"create"``, after ``QuerySet.update``, or changes to
        a many-to-many field, with ``"update"``; before SQL of one's own deletes rows, with ``"delete"``.
        """
        for instance in instances:
            cls().send_messages(instance, cls._groups(instance), action, using=instance._state.db)

    @classmethod
    def pre_save_receiver(cls, instance: Any, **kwargs: Any) -> None:
        """Hear that *instance* is about to be saved."""
        cls.pre_change_receiver(instance, CREATE if instance._state.adding else UPDATE, **kwargs)

    @classmethod
    def post_save_receiver(cls, instance: Any, created: bool, **kwargs: Any) -> None:
        """Hear that *instance* was saved."""
        cls.post_change_receiver(instance, CREATE if created else UPDATE, **kwargs)

    @classmethod
    def pre_delete_receiver(cls, instance: Any, **kwargs: Any) -> None:
        """Hear that *instance* is about to be deleted."""
        cls.pre_change_receiver(instance, DELETE, **kwargs)

    @classmethod
    def post_delete_receiver(cls, instance: Any, **kwargs: Any) -> None:
        """Hear that *instance* was deleted."""
        cls.post_change_receiver(instance, DELETE, **kwargs)

    @classmethod
    def pre_change_receiver(cls, instance: Any, action: str, using: str | None = None, **kwargs: Any) -> None:
        """Keep how *instance* is stored, and its groups, until it has changed."""
        if action == DELETE:
            row = row_of(instance, using)
        else:
            row = row_before(instance, using, is_raw=kwargs.get("raw", False))
        before = (row, set() if row is None else cls._groups(row))
        vars(instance).setdefault(cls._before_name(), deque(maxlen=MOST_NESTED)).append(before)

    @classmethod
    def post_change_receiver(cls, instance: Any, action: str, using: str | None = None, **kwargs: Any) -> None:
        """Tell the groups that lose *instance*, those that keep it and those that gain it, in this order."""
        before, old = cls._take_before(instance)
        is_raw = kwargs.get("raw", False)
        after = None if action == DELETE else row_after(instance, using, kwargs.get("update_fields"), is_raw)
        new = set() if after is None else cls._groups(after)
        if before is None and action == UPDATE:  # one that looked new; nobody knows who heard of it
            old = new
        self = cls()
        self.send_messages(before, old - new, DELETE, using=using, **kwargs)
        self.send_messages(after, old & new, UPDATE, using=using, **kwargs)
        self.send_messages(after, new - old, CREATE, using=using, **kwargs)

    def send_messages(
        self, instance: Any, group_names: set[str], action: str, using: str | None = None, **kwargs: Any
    ) -> None:
        """
        Tell *group_names* about *action* when the transaction is committed, with *instance* as it is now.

        Args:
            using: The database whose transaction it is.
            kwargs: More that the signal told.
        """
        if not group_names:
            return
        self.signal_kwargs = {"using": using, **kwargs}
        payload = self.serialize(instance, action)
        if payload == {}:
            return

        def send() -> None:
            message = self.encode(self._stream(), payload)
            for name in sorted(group_names):
                Group(name).send(message)

        # An error in there must not look as if the row were not stored: Django logs it.
        transaction.on_commit(send, using=using, robust=True)

    @classmethod
    def _groups(cls, instance: Any) -> set[str]:
        return group_set(cls.group_names(instance), f"{cls.__name__}.group_names()")

    @classmethod
    def _before_name(cls) -> str:
        """Return the name under which an instance has, during a save, what this binding saw before."""
        return f"_before for {cls.__module__}.{cls.__qualname__}"

    @classmethod
    def _take_before(cls, instance: Any) -> tuple[Model | None, set[str]]:
        """Take what this save began with: the last of several, where a receiver of a signal saves the instance too."""
        kept: deque[tuple[Model | None, set[str]]] = vars(instance)[cls._before_name()]
        taken = kept.pop()
        if not kept:
            del vars(instance)[cls._before_name()]
        return taken

    @classmethod
    def _stream(cls) -> Any:
        return getattr(cls, "stream", None)

    # Inwards: what to override.

    def deserialize(self, message: Message) -> tuple[Any, Any, Any]:
        """Return the action, the key and the values that *message* asks for."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to read a message")

    def has_permission(self, user: Any, action: str, pk: Any) -> bool:
        """Return whether *user* may do *action* to the object with the key *pk*; nobody may unless you say so."""
        return False

    def create(self, data: Any) -> None:
        """Store a new object with the values *data*."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to create an object")

    def update(self, pk: Any, data: Any) -> None:
        """Change the object with the key *pk* to have the values *data*."""
        raise NotImplementedError(f"{type(self).__name__} does not say how to update an object")

    def delete(self, pk: Any) -> None:
        """Delete the object with the key *pk*, if there is one."""
        for instance in self.model._default_manager.filter(pk=pk):
            instance.delete()

    def refuse(self, problem: Exception) -> None:
        """Let the client know why nothing was done."""

    # Inwards: from messages to rows.

    @classproperty
    def consumer(cls) -> Callable[..., Any]:
        """The consumer of what clients ask for."""
        return cls.get_handler()

    @classmethod
    def get_handler(cls) -> Callable[..., Any]:
        """Return :meth:`trigger_inbound` in the decorators that the attributes ask for."""
        if cls.channel_session_user:
            return channel_session_user(cls.trigger_inbound)
        return channel_session(cls.trigger_inbound) if cls.channel_session else cls.trigger_inbound

    @classmethod
    def trigger_inbound(cls, message: Message, **kwargs: Any) -> None:
        """
        Do what *message* asks for, in one transaction, or refuse it.

        What is wrong with the message is the client's fault and no failure here.
        """
        self = cls()
        self.message = message
        self.kwargs = kwargs
        self.user = message.user if hasattr(message, "user") else import_string(NOBODY)()
        try:
            self.action, self.pk, self.data = self.deserialize(message)
            with transaction.atomic(using=router.db_for_write(cls.model)):
                self.run_action(self.action, self.pk, self.data)
        except (ValidationError, PermissionDenied, IntegrityError, DataError, cls.model.DoesNotExist) as exc:
            logger.debug("%s refuses a message from %s: %s", cls.__name__, message.reply_channel, exc)
            self.refuse(exc)

    def run_action(self, action: str, pk: Any, data: Any) -> None:
        """
        Do *action* if the user may.

        Raises:
            ValidationError: There is no such action, or its key or values cannot be.
            PermissionDenied: The user may not.
        """
        if action not in (CREATE, UPDATE, DELETE):
            raise ValidationError('The action must be "create", "update" or "delete".')
        if action != DELETE and not isinstance(data, dict):
            raise ValidationError("The data must be an object with values by field.")
        key = None if action == CREATE else self._read_key(pk)
        if not self.has_permission(self.user, action, key):
            raise PermissionDenied(f"You may not {action} this.")
        if action == CREATE:
            self.create(data)
        elif action == UPDATE:
            self.update(key, data)
        else:
            self.delete(key)

    def _read_key(self, pk: Any) -> Any:
        if isinstance(pk, bool) or not isinstance(pk, str | int):
            raise ValidationError("The key must be a string or a number.")
        return read_value(self.model._meta.pk, pk)


def connect_bindings() -> None:
    """Connect every binding that was made before the models were loaded. Called when Django is set up."""
    unseen: list[type[Binding]] = Binding.__subclasses__()
    while unseen:
        binding = unseen.pop()
        binding.register()
        unseen.extend(binding.__subclasses__())
