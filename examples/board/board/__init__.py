"""A notice board with rooms: FastAPI, which does not know that it runs behind a mesh."""
