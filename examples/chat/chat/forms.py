"""The one form: make a room, or go to it."""

from __future__ import annotations

from django import forms

from chat.rooms import ROOM_NAME_LENGTH, room_name_from

__all__ = ["RoomForm"]


class RoomForm(forms.Form):
    """Takes any title and cleans it to a room's name."""

    title = forms.CharField(
        label="Room",
        max_length=ROOM_NAME_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "sunday-plans"}),
    )

    def clean_title(self) -> str:
        """Return the room's name that the title means."""
        name = room_name_from(self.cleaned_data["title"])
        if not name:
            raise forms.ValidationError("Use at least one letter from a to z, or a digit.")
        return name
