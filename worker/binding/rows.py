"""
What a save changed: the object as its row was, and as its row is.

An instance may differ from its row. Fields may be unsaved, not loaded, or expressions that only the database can work
out; another process may have changed the row since. So the state before is read from the database, once for each save,
and the state after as well where the instance does not show it.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar

from django.conf import settings
from django.db.models import NOT_PROVIDED, DateTimeField, DecimalField, Model
from django.utils.timezone import is_aware

__all__ = ["is_surely_new", "row_after", "row_before", "row_of"]

AnyModel = TypeVar("AnyModel", bound=Model)

UNKNOWN: Final = object()


def is_surely_new(instance: Model, is_raw: bool = False) -> bool:
    """
    Whether the database cannot have a row for *instance* yet; False where it must be asked.

    Args:
        is_raw: Whether a fixture is loaded, whose keys are given where a model has a default for them.
    """
    key = instance._meta.pk
    if not instance._state.adding:
        return False
    is_made = key.default is not NOT_PROVIDED or key.db_default is not NOT_PROVIDED
    return instance.pk is None or (is_made and not is_raw)


def row_before(instance: AnyModel, using: str | None, is_raw: bool = False) -> AnyModel | None:
    """Return the object that the row of *instance* holds, before it is saved; None if there is no row."""
    return None if is_surely_new(instance, is_raw) else _row(instance, using)


def row_after(
    instance: AnyModel, using: str | None, update_fields: Collection[str] | None, is_raw: bool = False
) -> AnyModel | None:
    """
    Return the object that the row of *instance* holds, now that it is saved; None if the row is gone already.

    Args:
        update_fields: What was saved; None for all fields.
        is_raw: Whether a fixture was loaded, in which fields may be missing and those of parents are.
    """
    return _row(instance, using) if is_raw or update_fields is not None else row_of(instance, using)


def row_of(instance: AnyModel, using: str | None) -> AnyModel | None:
    """Return the object that the row of *instance* holds: the instance, if that shows it whole; None if it is gone."""
    if all(_is_as_stored(instance, field) for field in instance._meta.concrete_fields):
        return instance
    return _row(instance, using)


def _is_as_stored(instance: Model, field: Any) -> bool:
    """Whether the value on the instance is of the type, and in the form, in which the database gives it back."""
    value = vars(instance).get(field.attname, UNKNOWN)
    if value is UNKNOWN or hasattr(value, "resolve_expression"):
        return False
    if isinstance(value, Decimal) and isinstance(field, DecimalField):
        return value.as_tuple().exponent == -field.decimal_places
    if isinstance(value, datetime) and isinstance(field, DateTimeField):
        return is_aware(value) is bool(settings.USE_TZ)  # the database makes one of the other
    return type(value) is type(field.to_python(value))


def _row(instance: AnyModel, using: str | None) -> AnyModel | None:
    return type(instance)._base_manager.using(using).filter(pk=instance.pk).first()
