"""
The worker for ASGI 3 applications: Django, Starlette, FastAPI, Channels 4 consumers and whatever else speaks it.

``zmqlayer worker module:application`` starts one; :func:`run_application` runs one in this process. Nothing here needs
Django.
"""

from zmqlayer.worker.asgi.options import AsgiOptions
from zmqlayer.worker.asgi.run import AsgiService, run_application

__all__ = ["AsgiOptions", "AsgiService", "run_application"]
