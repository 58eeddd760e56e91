"""The archive in Django's admin."""

from __future__ import annotations

from django.contrib import admin

from archive.models import Document

__all__ = ["DocumentAdmin"]


@admin.register(Document)
class DocumentAdmin(admin.ModelAdmin):
    """Add, change and delete documents, with their files."""

    list_display = ("title", "file", "size", "added_at")
    search_fields = ("title",)
