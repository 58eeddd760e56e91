"""The client's side: bytes of HTTP/1, HTTP/2 and WebSocket, and the requests that they make."""
