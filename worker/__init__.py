"""The worker: Django consumers behind channels, with the names of Channels 1.x."""
