"""What the archive keeps."""

from __future__ import annotations

from datetime import datetime

from django.db import models

__all__ = ["Document"]


class Document(models.Model):
    """A title, and the file that belongs to it; the file may come later."""

    title: models.CharField[str, str] = models.CharField(max_length=200)
    file = models.FileField(upload_to="%Y/%m", blank=True)
    added_at: models.DateTimeField[datetime, datetime] = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("-added_at", "-pk")

    def __str__(self) -> str:
        return self.title

    @property
    def size(self) -> int | None:
        """Bytes of the file; None without one."""
        return self.file.size if self.file else None
