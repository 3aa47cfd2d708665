"""A TCP proxy that can fall silent, be slow, or cut its connections: the network on a bad day."""

from __future__ import annotations

import select
import socket
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic
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
        self._clients: dict[socket.socket, bytes] = {}  # with the first that each said
        self._stalled: set[socket.socket] = set()  # clients; both directions are silent
        self._stalled_name: bytes | None = None
        self._withheld: list[tuple[socket.socket, bytes]] = []  # to whom, what
        self._is_silent = False
        self._is_refusing = False
        self._latency_s = 0.0
        self._late: deque[tuple[float, socket.socket, bytes]] = deque()  # when due, to whom, what
        self._kept: list[socket.socket] = []  # ends whose other end is gone without a word
        self._is_open = True
        self._thread = threading.Thread(target=self._run, name="proxy")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._obey(self._close)
        self._thread.join()
        for end in (self._listener, self._orders, self._mouth, *self._kept):
            end.close()

    def stall(self, name: str | None = None) -> None:
        """Keep every connection open, accept new ones, and pass nothing on. With a name: only those, of now and later,
        that give it when they begin, as in their application_name."""
        self._obey(lambda: self._stall(name))

    def stall_existing(self) -> None:
        """Keep the connections of now open, and pass nothing on; new ones are forwarded."""
        self._obey(lambda: self._stalled.update(self._clients))

    def slow(self, latency_s: float) -> None:
        """What comes is passed on that much later."""
        self._obey(lambda: setattr(self, "_latency_s", latency_s))

    def resume(self) -> None:
        self._obey(self._resume)

    def refuse(self) -> None:
        """Close every connection, and every new one at once."""
        self._obey(self._refuse)

    def cut(self) -> None:
        """Close every connection; new ones are forwarded."""
        self._obey(self._drop_all)

    def lose_clients(self) -> None:
        """Close the clients' ends and keep the server's open and silent, as when the clients' host is lost."""
        self._obey(self._lose_clients)

    def _obey(self, order: Callable[[], None]) -> None:
        self._order = order
        self._obeyed.clear()
        self._mouth.send(b"!")
        assert self._obeyed.wait(10)

    def _run(self) -> None:
        while self._is_open:
            ends = [self._orders, *([] if self._is_silent else [self._listener, *filter(self._passes, self._peers)])]
            pause = max(0.0, self._late[0][0] - monotonic()) if self._late else None
            readable, _, _ = select.select(ends, [], [], pause)
            if self._orders in readable:
                self._orders.recv(1)
                self._order()
                self._obeyed.set()
                continue
            for end in readable:
                if end is self._listener:
                    self._accept()
                elif end in self._peers:
                    self._receive(end)
            while self._late and self._late[0][0] <= monotonic():
                _, end, data = self._late.popleft()
                self._send(end, data)

    def _passes(self, end: socket.socket) -> bool:
        return end not in self._stalled and self._peers[end] not in self._stalled

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        if self._is_refusing:
            client.close()
            return
        try:
            server = socket.create_connection(self._target)
        except OSError:
            client.close()
            return
        self._peers |= {client: server, server: client}
        self._clients[client] = b""

    def _receive(self, end: socket.socket) -> None:
        try:
            data = end.recv(65_536)
        except OSError:
            data = b""
        if self._clients.get(end) == b"":
            self._clients[end] = data
            if self._stalled_name is not None and self._stalled_name in data:
                self._stalled.add(end)
                self._withheld.append((self._peers[end], data))
                return
        self._late.append((monotonic() + self._latency_s, self._peers[end], data))

    def _send(self, end: socket.socket, data: bytes) -> None:
        if end not in self._peers:
            return
        try:
            end.sendall(data)
        except OSError:
            data = b""
        if not data:
            self._part(end).close()
            end.close()

    def _part(self, end: socket.socket) -> socket.socket:
        """Forget both ends; returns the other."""
        other = self._peers.pop(end)
        del self._peers[other]
        for one in (end, other):
            self._clients.pop(one, None)
            self._stalled.discard(one)
        return other

    def _stall(self, name: str | None) -> None:
        if name is None:
            self._is_silent = True
            return
        self._stalled_name = name.encode()
        self._stalled.update(client for client, said in self._clients.items() if self._stalled_name in said)

    def _resume(self) -> None:
        self._is_silent = self._is_refusing = False
        self._stalled_name = None
        self._stalled.clear()
        self._late.extend((monotonic(), end, data) for end, data in self._withheld)
        self._withheld.clear()

    def _drop_all(self) -> None:
        for end in self._peers:
            end.close()
        self._peers.clear()
        self._clients.clear()
        self._stalled.clear()

    def _refuse(self) -> None:
        self._is_refusing = True
        self._drop_all()

    def _lose_clients(self) -> None:
        for client in list(self._clients):
            self._kept.append(self._part(client))
            client.close()

    def _close(self) -> None:
        self._drop_all()
        self._is_open = False
