"""The application: a page, a WebSocket, a stream of events and a reminder, for each room."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any, Final

from fastapi import BackgroundTasks, Depends, FastAPI, WebSocket
from fastapi.requests import HTTPConnection
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, Field

from board.rooms import Room, make_layer

__all__ = ["app"]

PAGE: Final = Path(__file__).with_name("page.html")


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    """Keep one channel layer for the life of the process."""
    layer = make_layer()
    yield {"layer": layer}
    await layer.close()


app = FastAPI(title="Board", lifespan=lifespan)


def find_room(connection: HTTPConnection, room: str) -> Room:
    """Return the room that the path names. Any name will do."""
    return Room(room, connection.state.layer)


InRoom = Annotated[Room, Depends(find_room)]


class Reminder(BaseModel):
    """What to say in a room, and in how many seconds."""

    text: str = Field(min_length=1, max_length=500)
    after_s: float = Field(default=5.0, ge=0.0, le=3600.0)


@app.get("/")
async def page() -> FileResponse:
    """Show the page, which opens the WebSocket."""
    return FileResponse(PAGE)


@app.websocket("/rooms/{room}")
async def talk(socket: WebSocket, room: InRoom, name: str = "Guest") -> None:
    """Say what a guest says, and let the guest hear the room."""
    async with room.listening() as posts:
        await socket.accept()
        hearing = asyncio.create_task(hear(socket, posts))
        async for text in socket.iter_text():
            await room.post(name, text)
        hearing.cancel()


async def hear(socket: WebSocket, posts: AsyncIterator[dict[str, str]]) -> None:
    """Send everything that is said to one guest."""
    async for post in posts:
        await socket.send_json(post)


@app.get("/rooms/{room}/events")
async def events(room: InRoom) -> StreamingResponse:
    """Let programs hear a room: ``curl -N http://127.0.0.1:8000/rooms/lobby/events``."""
    return StreamingResponse(room.events(), media_type="text/event-stream")


@app.post("/rooms/{room}/reminders", status_code=202)
async def remind(room: InRoom, reminder: Reminder, tasks: BackgroundTasks) -> Reminder:
    """Answer at once, and say it in the room later."""
    tasks.add_task(room.post_later, "Reminder", reminder.text, reminder.after_s)
    return reminder
