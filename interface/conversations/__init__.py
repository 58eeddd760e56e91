"""The mesh's side: what requests and WebSockets say to workers, and what workers answer."""
