"""A client's connection: it may be open only so long without a whole request, and there are only so many."""

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 150  # beyond, a client is hung up on: the daemon beside needs files, too
PATIENCE_S = 10.0  # for all of a request to come, however slowly it does

ARRIVING = (h11.IDLE, h11.SEND_BODY)


class Connection(H11Protocol):
    """As uvicorn has it, which waits for a request for ever and takes any number of clients."""

    _patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        is_full = len(self.connections) >= MOST
        super().connection_made(transport)
        if is_full:
            transport.abort()
        else:
            self._be_patient()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.their_state not in ARRIVING:
            self._forget()
        elif self._patience is None:
            self._be_patient()

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        super().connection_lost(exc)

    def _be_patient(self) -> None:
        self._patience = self.loop.call_later(PATIENCE_S, self.transport.abort)

    def _forget(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
