"""
Data binding: browsers hear when rows of a model change, and may change them.

:mod:`zmqlayer.worker.binding.websockets` has the bindings for WebSockets.
"""

from zmqlayer.worker.binding.base import Binding

__all__ = ["Binding"]
