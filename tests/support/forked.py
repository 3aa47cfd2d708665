"""The process that is forked: `python -m tests.support.forked FD`. It reads the libraries, and waits to be asked."""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import runpy
import socket
import sys
from typing import Any

# What the commands import of others, and not a module of the project: that is read by each process for itself.
LIBRARIES = (
    *("numpy", "psycopg", "psycopg_pool", "pydantic_settings", "re2", "scipy.optimize", "scipy.sparse", "structlog"),
    *("charset_normalizer", "httpx", "python_calamine", "rapidfuzz", "yoyo", "yoyo.backends.core.postgresql"),
)


def serve(connection: socket.socket) -> dict[str, Any]:
    """Fork for each request. Returns in the processes that come of it, each with what it was asked to be."""
    while True:
        length, files, *_ = socket.recv_fds(connection, 8, 3)
        if not length:
            sys.exit()
        request: dict[str, Any] = json.loads(read(connection, int.from_bytes(length, "big")))
        told, tells = os.pipe()
        if not (parent := os.fork()):
            if child := os.fork():
                os.write(tells, child.to_bytes(8, "big"))
                os._exit(0)
            connection.close()
            os.close(told)
            os.close(tells)
            take(files)
            return request
        os.waitpid(parent, 0)  # from now on it is the child of whoever asked
        connection.sendall(os.read(told, 8))
        for file in (told, tells, *files):
            os.close(file)


def read(connection: socket.socket, length: int) -> bytes:
    data = b""
    while len(data) < length:
        data += connection.recv(length - len(data))
    return data


def take(files: list[int]) -> None:
    """Make these the standard files."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)


def become(request: dict[str, Any]) -> None:
    """As if started anew with this environment, in this directory."""
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(request["directory"])
    sys.path[0] = request["directory"]
    sys.argv = ["-m", *request["arguments"][1:]]
    is_unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        file = io.FileIO(number, "w", closefd=False)
        fresh = io.TextIOWrapper(
            file if is_unbuffered else io.BufferedWriter(file),
            encoding=stream.encoding,
            errors=stream.errors,
            line_buffering=name == "stderr" or file.isatty(),
            write_through=is_unbuffered,
        )
        setattr(sys, name, fresh)
        setattr(sys, f"__{name}__", fresh)


if __name__ == "__main__":
    for library in LIBRARIES:
        importlib.import_module(library)
    gc.freeze()  # what is there is written to by nobody, a collector of a fork included
    become(found := serve(socket.socket(fileno=int(sys.argv[1]))))
    runpy.run_module(found["arguments"][0], run_name="__main__", alter_sys=True)
