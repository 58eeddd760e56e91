"""What protects consumers from other people's pages: :mod:`zmqlayer.worker.security.websockets`."""
