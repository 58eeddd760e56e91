"""Notes on boards, and what else a binding may meet."""

from __future__ import annotations

import uuid

from django.core.exceptions import ValidationError
from django.db import models


class Board(models.Model):
    """Where notes hang."""

    name = models.CharField(max_length=50)


class Wall(Board):
    """A board one cannot move; its row is in two tables."""

    height = models.PositiveSmallIntegerField(default=2)


class GardenWall(Wall):
    """A wall with ivy on it; its row is in three tables."""

    ivy = models.BooleanField(default=True)


class Tag(models.Model):
    """A word; it is its own key."""

    word = models.CharField(max_length=20, primary_key=True)


class Note(models.Model):
    """A note on a board."""

    board = models.ForeignKey(Board, models.CASCADE)
    title = models.CharField(max_length=20, unique=True)
    text = models.TextField(blank=True)
    stars = models.PositiveSmallIntegerField(default=0)
    weight = models.FloatField(default=0.0)
    due = models.DateField(null=True, blank=True)
    picture = models.FileField(blank=True)
    tags = models.ManyToManyField(Tag, blank=True)
    written = models.DateTimeField(auto_now_add=True)

    def clean(self) -> None:
        """Refuse a title that is the text."""
        if self.title == self.text:
            raise ValidationError("The text says nothing new.")

    @property
    def shout(self) -> str:
        """The title, louder."""
        return self.title.upper()

    def word_count(self) -> int:
        """Count the words."""
        return len(self.text.split())


class Account(models.Model):
    """Somebody with a secret."""

    name = models.CharField(max_length=50)
    password = models.CharField(max_length=50)


class Receipt(models.Model):
    """Something whose key Python makes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    total = models.DecimalField(max_digits=8, decimal_places=2)
