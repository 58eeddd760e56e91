"""Rooms to talk in: a plain Channels 4 project. The channel layer is one setting, in ``settings.py``."""
