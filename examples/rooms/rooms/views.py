"""The page of a room, and a way in for programs. Plain Django views, synchronous as most are."""

from __future__ import annotations

import os

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from rooms.posts import NAME_LENGTH, TEXT_LENGTH, group_of, post

__all__ = ["notices", "room"]


@require_safe
def room(request: HttpRequest, room: str) -> HttpResponse:
    """Show one room. Any name will do."""
    limits = {"name": NAME_LENGTH, "text": TEXT_LENGTH}
    rooms = dict.fromkeys(["lobby", "garden", "attic", room])
    return render(request, "rooms/room.html", {"room": room, "rooms": rooms, "limits": limits})


@csrf_exempt  # for curl and other programs; it reads no cookie that could be abused
@require_POST
def notices(request: HttpRequest, room: str) -> JsonResponse:
    """Post a notice into a room: ``curl -d text=Hello http://127.0.0.1:8000/lobby/notices``."""
    text = request.POST.get("text", "").strip()
    if not text:
        return JsonResponse({"error": "'text' is missing"}, status=400)
    layer = get_channel_layer()
    async_to_sync(layer.group_send)(group_of(room), post("notice", request.POST.get("name", "A view"), text))
    return JsonResponse({"process": os.getpid()}, status=202)
