"""
The delay server: sends a message some time after it was asked to.

Add ``"zmqlayer.worker.delay"`` to ``INSTALLED_APPS``, run ``manage.py migrate`` once and ``manage.py rundelay``
always. Then any process of the mesh may ask::

    Channel("asgi.delay").send({"channel": "reminders", "delay": 60_000, "content": {"user": 7}})

The message goes to its channel ``delay`` milliseconds after the server has received it; see
:mod:`zmqlayer.worker.delay.delayed`.
"""
