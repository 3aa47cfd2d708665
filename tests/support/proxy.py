"""A TCP proxy that can fall silent or cut its connections: the network on a bad day."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable
from typing import Self

from psycopg.conninfo import conninfo_to_dict, make_conninfo


class Proxy:
    """Forwards 127.0.0.1:`port` to the server of a TCP connection string. One thread; orders are done on return."""

    def __init__(self, dsn: str) -> None:
        parts = conninfo_to_dict(dsn)
        self._target = (str(parts["host"]), int(str(parts["port"])))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.dsn = make_conninfo(dsn, port=self.port)
        self._orders, self._mouth = socket.socketpair()
        self._order: Callable[[], None] = lambda: None
        self._obeyed = threading.Event()
        self._peers: dict[socket.socket, socket.socket] = {}
        self._is_silent = False
        self._is_open = True
        self._thread = threading.Thread(target=self._run, name="proxy")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._obey(self._close)
        self._thread.join()
        for end in (self._listener, self._orders, self._mouth):
            end.close()

    def stall(self) -> None:
        """Keep every connection open, accept new ones, and pass nothing on."""
        self._obey(lambda: setattr(self, "_is_silent", True))

    def resume(self) -> None:
        self._obey(lambda: setattr(self, "_is_silent", False))

    def cut(self) -> None:
        """Close every connection; new ones are forwarded."""
        self._obey(self._drop_all)

    def _obey(self, order: Callable[[], None]) -> None:
        self._order = order
        self._obeyed.clear()
        self._mouth.send(b"!")
        assert self._obeyed.wait(10)

    def _run(self) -> None:
        while self._is_open:
            ends = [self._orders, *([] if self._is_silent else [self._listener, *self._peers])]
            readable, _, _ = select.select(ends, [], [])
            if self._orders in readable:
                self._orders.recv(1)
                self._order()
                self._obeyed.set()
                continue
            for end in readable:
                if end is self._listener:
                    self._accept()
                elif end in self._peers:
                    self._forward(end)

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        try:
            server = socket.create_connection(self._target)
        except OSError:
            client.close()
            return
        self._peers |= {client: server, server: client}

    def _forward(self, end: socket.socket) -> None:
        try:
            data = end.recv(65_536)
            self._peers[end].sendall(data)
        except OSError:
            data = b""
        if not data:
            other = self._peers.pop(end)
            self._peers.pop(other)
            end.close()
            other.close()

    def _drop_all(self) -> None:
        for end in self._peers:
            end.close()
        self._peers.clear()

    def _close(self) -> None:
        self._drop_all()
        self._is_open = False
