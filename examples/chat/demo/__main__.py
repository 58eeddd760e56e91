"""``python -m demo``, from the folder above: looks whether all is installed before it imports it."""

from __future__ import annotations

import importlib
import sys

from demo.preflight import missing_packages


def main() -> None:
    """Run the command, or say which packages it lacks."""
    missing = missing_packages()
    if missing:
        sys.exit(f"The demo needs {', '.join(missing)}, not installed for {sys.executable}. 'make demo' installs it.")
    importlib.import_module("demo.command").demo()


if __name__ == "__main__":
    main()
