"""The interface server: HTTP and WebSocket connections to channel messages and back (Twisted, Autobahn)."""
