"""What figures depend on: the machine, and the versions of what was measured."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import zmq

__all__ = ["describe"]

PACKAGES: Final = (
    "zmqlayer", "pyzmq", "msgpack", "zeroconf", "Django", "Twisted", "autobahn", "httptools", "uvloop",
    "channels", "channels_redis", "redis", "channels-nats", "daphne", "uvicorn", "websockets", "gunicorn",
)  # fmt: skip
PROGRAMS: Final = ("redis-server", "nats-server", "wrk")
VERSION: Final = re.compile(r"\d+(?:\.\d+)+")
BYTES_PER_GB: Final = 1 << 30


def describe() -> dict[str, str]:
    """Return machine, date and versions, each as a line."""
    packages = {name: found for name in PACKAGES if (found := _package_version(name))}
    programs = {name: found for name in PROGRAMS if (found := _program_version(name))}
    versions = {**packages, "libzmq": zmq.zmq_version(), **programs}
    return {
        "Machine": f"{_processor()}, {os.cpu_count()} CPUs, {_memory_gb():.0f} GB, {platform.system()} "
        f"{platform.release().partition('-')[0]}, load {os.getloadavg()[0]:.1f} at the start",
        "Date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "Python": f"{platform.python_implementation()} {platform.python_version()}",
        "Versions": ", ".join(f"{name} {found}" for name, found in versions.items()),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next((name for name in names if name not in ("", "unknown")), platform.machine())


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / BYTES_PER_GB


def _package_version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _program_version(name: str) -> str | None:
    program = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if program is None:
        return None
    told = subprocess.run([program, "-v"], capture_output=True, text=True, check=False, timeout=10)
    found = VERSION.search(told.stdout + told.stderr)
    return found[0] if found else "of unknown version"
