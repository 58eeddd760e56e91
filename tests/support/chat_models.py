"""The model of the chat test. Import it after Django is set up."""

from __future__ import annotations

from django.db import models


class ChatMessage(models.Model):
    """Something that was said in a room."""

    room = models.CharField(max_length=50)
    name = models.CharField(max_length=50)
    text = models.TextField()

    class Meta:
        app_label = "chat_test"
