"""
The interface server: HTTP and WebSocket connections to channel messages and back (Twisted, Autobahn).

From a client to the mesh: ``connection`` (TCP) → ``request`` (one request, its ``head`` checked) → ``http`` (one
exchange) or ``websocket`` (one socket, whose frames are Autobahn's: ``framing``) → ``translate`` → the layer.
Back: the layer → ``http`` or ``websocket`` → ``replies`` → ``request`` or ``framing``.
"""
