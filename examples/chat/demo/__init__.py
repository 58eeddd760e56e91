"""
The launcher behind ``make demo``: the chat on real processes of this machine.

It starts the interface servers and workers, watches the mesh as a node of its own, and stops everything.
"""
