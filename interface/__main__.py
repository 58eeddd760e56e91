"""``python -m zmqlayer.interface`` is ``zmqlayer interface``."""

from zmqlayer.interface.serving.command import interface

if __name__ == "__main__":
    interface(prog_name="python -m zmqlayer.interface")
