"""nginx with a configuration of ``docs/edge.md``, in a folder of its own, on free ports of loopback."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Final, Self

import pytest

from support.certificates import make_pair
from support.edge_page import block
from support.ports import free_ports

__all__ = ["Nginx"]

MAIN: Final = """\
{user}
daemon off;
master_process on;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr notice;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{page}
}}
"""
START_WITHIN_S: Final = 10.0


class Nginx:
    """
    nginx as the page has it.

    Attributes:
        port: Where it speaks TLS.
        plain_port: Where it sends everybody to TLS.
        socket: The UNIX socket behind it, where the server has to listen.
        cert: What a client has to trust.
    """

    def __init__(self, folder: Path) -> None:
        if shutil.which("nginx") is None:
            pytest.skip("needs nginx")
        self.socket = folder / "web.sock"
        self.cert, key = make_pair(folder, "site")
        self.port, self.plain_port = free_ports(2)
        self._folder = folder
        page = block("nginx", "/etc/nginx/conf.d/mysite.conf")
        for pattern, replacement in (
            (r"unix:/run/mysite/web\.sock", f"unix:{self.socket}"),
            (r"listen \[::\]:\d+.*;\n", ""),
            (r"listen 443", f"listen 127.0.0.1:{self.port}"),
            (r"listen 80", f"listen 127.0.0.1:{self.plain_port}"),
            (r"server_name mysite\.example", "server_name localhost"),
            (r"/etc/letsencrypt/live/mysite\.example/fullchain\.pem", str(self.cert)),
            (r"/etc/letsencrypt/live/mysite\.example/privkey\.pem", str(key)),
            (r"/srv/mysite/static/", f"{folder}/static/"),
        ):
            page, count = re.subn(pattern, replacement, page)
            assert count, f"the page has no {pattern}"
        # As root nginx would become somebody else, who may not enter the folder.
        user = "user root root;" if os.geteuid() == 0 else ""
        (folder / "nginx.conf").write_text(MAIN.format(user=user, folder=folder, page=page))

    def __enter__(self) -> Self:
        log = (self._folder / "nginx.log").open("w")
        with log:
            self._process = subprocess.Popen(
                ["nginx", "-p", str(self._folder), "-c", str(self._folder / "nginx.conf")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                process_group=0,
            )
        try:
            self._wait_until_listening()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *exc: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    @property
    def log(self) -> str:
        """What it wrote."""
        return (self._folder / "nginx.log").read_text()

    def _wait_until_listening(self) -> None:
        deadline = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except ConnectionRefusedError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError(f"nginx does not listen:\n{self.log}")
