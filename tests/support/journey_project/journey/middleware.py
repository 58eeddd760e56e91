"""Who answered: each response names the process of its worker."""

from __future__ import annotations

import os
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase


def name_the_worker(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Add ``X-Worker``, a process id, to every response."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response["X-Worker"] = str(os.getpid())
        return response

    return respond
