"""The pages: a list of rooms, a room, and a JSON answer for curl. Plain Django views."""

from __future__ import annotations

from django.db.models import Count, Max
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from chat.forms import RoomForm
from chat.models import Room
from chat.protocol import NAME_LENGTH, TEXT_LENGTH
from chat.served import Served

__all__ = ["index", "room", "whoami"]


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest) -> HttpResponse:
    """List the rooms, the liveliest first; make one."""
    form = RoomForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        home, _ = Room.objects.get_or_create(name=form.cleaned_data["title"])
        return redirect("room", name=home.name)
    rooms = Room.objects.annotate(count=Count("messages"), last=Max("messages__sent_at"))
    context = {"form": form, "rooms": rooms.order_by("-last", "name")[:100]}
    return render(request, "chat/index.html", context, status=400 if form.errors else 200)


@never_cache
@require_safe
def room(request: HttpRequest, name: str) -> HttpResponse:
    """Show one room. Any name will do: a room that nobody spoke in is an empty one."""
    limits = {"name": NAME_LENGTH, "text": TEXT_LENGTH}
    return render(request, "chat/room.html", {"room": name, "limits": limits})


@never_cache
@require_safe
def whoami(request: HttpRequest) -> JsonResponse:
    """Say which interface server and which worker serve this request."""
    return JsonResponse(Served.of(request).as_dict())
