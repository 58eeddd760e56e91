"""
Which fields of a model a binding sends, and which a client may set.

What comes from a client is checked here, field by field. Nothing here sends or saves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from django.core.exceptions import FieldDoesNotExist, ImproperlyConfigured, ValidationError
from django.core.validators import ProhibitNullCharactersValidator
from django.db.models import AutoField, CharField, Field, FileField, ManyToManyField, Model, TextField

__all__ = ["ALL", "Selection", "read_value"]

ALL: Final = "__all__"
SECRET: Final = frozenset({"password"})
"""Fields that are sent and set only where ``fields`` names them."""


@dataclass(frozen=True, slots=True)
class Selection:
    """
    Some fields of a model.

    Attributes:
        model: The model.
        names: The fields' names.
    """

    model: type[Model]
    names: frozenset[str]

    @classmethod
    def of(cls, model: type[Model], fields: Iterable[str] | None, exclude: Iterable[str] | None) -> Selection:
        """
        Return the fields that a binding's ``fields`` and ``exclude`` choose.

        Raises:
            ImproperlyConfigured: Neither is given, or one names a field that the model does not have.
        """
        if fields is None and exclude is None:
            raise ImproperlyConfigured(
                f'neither fields nor exclude is given: name the fields of {model.__name__} to send, or fields = "{ALL}"'
            )
        chosen = _checked(model, () if fields is None or _is_all(fields) else fields)
        if fields is None or _is_all(fields):
            chosen = {field.name for field in _fields(model)} - SECRET
        return cls(model, frozenset(chosen - _checked(model, exclude or ())))

    def settable(self, is_new: bool) -> list[Field[Any, Any]]:
        """
        Return the fields that a client may set.

        Those that are not editable, numbers that the database gives and files are not among them.

        Args:
            is_new: Whether for an object that is not stored yet; the key of one that is stays as it is.
        """
        return [
            field
            for field in _fields(self.model)
            if field.name in self.names
            and field.editable
            and not field.auto_created
            and not isinstance(field, AutoField | FileField)
            and (is_new or not field.primary_key)
        ]

    def assign(self, instance: Model, values: Mapping[str, Any]) -> dict[str, list[Any]]:
        """
        Set those of *values* that a client may set on *instance*, and check them; the rest is ignored.

        Returns:
            For each many-to-many field among them the related objects, to be set when *instance* is stored.

        Raises:
            ValidationError: Some value cannot be, by field; or the model's own ``clean`` says so.
        """
        fields = [field for field in self.settable(instance._state.adding) if field.name in values]
        errors: dict[str, list[str]] = {}
        related: dict[str, list[Any]] = {}
        for field in fields:
            try:
                if isinstance(field, ManyToManyField):
                    related[field.name] = _read_related(field, values[field.name])
                else:
                    setattr(instance, field.attname, read_value(field, values[field.name]))
            except ValidationError as exc:
                errors[field.name] = exc.messages
        if errors:
            raise ValidationError(errors)
        checked = {field.name for field in fields}
        instance.full_clean(exclude={field.name for field in _fields(self.model)} - checked)
        return related


def read_value(field: Field[Any, Any], value: Any) -> Any:
    """
    Return a value from JSON as *field* has it in Python.

    Raises:
        ValidationError: It cannot be stored.
    """
    if isinstance(value, list | dict) and isinstance(field, CharField | TextField):
        raise ValidationError("This must be text.", code="invalid")
    try:
        read = field.to_python(value)
    except (TypeError, ValueError, ArithmeticError, AttributeError) as exc:
        # Fields expect what forms and databases give, and stumble over lists, objects and numbers.
        raise ValidationError("This is a value of the wrong kind.", code="invalid") from exc
    if isinstance(read, str):
        _check_text(read)
    if isinstance(read, float) and not math.isfinite(read):
        raise ValidationError("This must be a finite number.", code="invalid")
    return read


def _check_text(text: str) -> None:
    ProhibitNullCharactersValidator()(text)
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise ValidationError("This has half of a character.", code="invalid") from exc


def _read_related(field: ManyToManyField[Any, Any], value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValidationError("This must be a list of keys.", code="invalid")
    model: type[Model] = field.related_model
    keys = {read_value(model._meta.pk, key) for key in value}
    found = list(model._default_manager.filter(pk__in=keys))
    if len(found) < len(keys):
        raise ValidationError("There is no such object.", code="invalid")
    return found


def _fields(model: type[Model]) -> list[Field[Any, Any]]:
    return [*model._meta.concrete_fields, *model._meta.many_to_many]


def _is_all(fields: Iterable[str]) -> bool:
    return fields == ALL or list(fields) == [ALL]


def _checked(model: type[Model], names: Iterable[str]) -> set[str]:
    if isinstance(names, str):
        raise ImproperlyConfigured(f"{names!r} must be a list of names of fields")
    for name in names:
        try:
            model._meta.get_field(name)
        except FieldDoesNotExist as exc:
            raise ImproperlyConfigured(f"{model.__name__} has no field {name!r}") from exc
    return set(names)
