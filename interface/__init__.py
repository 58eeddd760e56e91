"""
The interface server: HTTP and WebSocket connections to channel messages and back (Twisted, Autobahn).

``clients`` turns bytes into requests and WebSocket messages, and answers into bytes. ``conversations`` says them to
workers as messages of the 2016 ASGI draft, and reads what they answer. ``serving`` is what an operator sees: the
command, where the server listens, how it starts and stops. All share ``options`` and ``faults``.
"""
