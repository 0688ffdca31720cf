"""Finds an nginx, and runs it with a site's configuration."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_S = 20
PATHS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def executable() -> str | None:
    """Return an installed nginx; Debian's lies where only root looks."""
    return shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@contextmanager
def running(folder: Path, sites: str, port: int) -> Iterator[None]:
    """Run nginx with these sites, until the end of a `with`; one of them listens on the port."""
    program = executable()
    assert program is not None, "no nginx is installed"
    temporary = "".join(f"    {name}_temp_path {folder}/{name};\n" for name in PATHS)
    user = "user root;\n" if os.geteuid() == 0 else ""
    config = folder / "nginx.conf"
    config.write_text(
        f"{user}daemon off;\npid {folder}/nginx.pid;\nerror_log stderr warn;\nevents {{}}\n"
        f"http {{\n    access_log off;\n{temporary}{sites}}}\n",
        encoding="utf-8",
    )
    process = subprocess.Popen(
        [program, "-c", str(config), "-e", "stderr"], stderr=subprocess.PIPE, text=True
    )
    try:
        _wait_for(process, port)
        yield
    finally:
        process.terminate()
        _out, said = process.communicate(timeout=START_S)
    assert process.returncode == 0, said


def _wait_for(process: subprocess.Popen[str], port: int) -> None:
    end = time.monotonic() + START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < end, "nginx does not listen"
            time.sleep(0.01)  # noqa: TID251 (nothing but trying tells that another process listens)
        else:
            return
