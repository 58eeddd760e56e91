"""``ResponseLater``: what a view returns that answers by other means. Used by ``handler.py``."""

from __future__ import annotations

from django.http import HttpResponse

__all__ = ["ResponseLater"]


class ResponseLater(HttpResponse, Exception):
    """
    Returned, or raised, by a view whose response is sent later and from elsewhere to ``request.reply_channel``.

    Nothing is sent when the view ends. To middleware it is an empty response like any other; what middleware puts
    into it, such as a cookie, is not sent. The client waits as long as its server lets it. Make the messages of the
    real response with :meth:`zmqlayer.worker.handler.AsgiHandler.encode_response`::

        def view(request):
            later.delay(str(request.reply_channel))
            return AsgiRequest.ResponseLater()
    """
