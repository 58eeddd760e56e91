"""What a task queue does with ``examples/rooms``: pools of forked processes and of threads, and Django's signals."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django
from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer
from django.dispatch import Signal

from rooms.posts import group_of, post

NUMBERS = range(20)

done = Signal()


def tell(sender: str, number: int, **kwargs: Any) -> None:
    """Post into the lobby, from whatever thread and process this is."""
    async_to_sync(get_channel_layer().group_send)(group_of("lobby"), post("notice", sender, str(number)))


def run(number: int) -> None:
    """Do the work of one task in a forked process."""
    done.send("forked", number=number)


def main() -> None:
    """Use the layer, fork with it, and use it again; then end without more ado."""
    django.setup()
    done.connect(tell)
    done.send("parent", number=0)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        pool.map(run, NUMBERS, chunksize=1)
        pool.close()
        pool.join()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: done.send("thread", number=number), NUMBERS))
    done.send("parent", number=1)


if __name__ == "__main__":
    main()
