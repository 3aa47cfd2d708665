"""A request with a body, and its answer, over one wire."""

import h11
import httpx

from daemon.workloads.price_lists.fetching.transport import Exchange


class Question(Exchange):
    """Unlike a fetch it brings something."""

    def ask(self, request: httpx.Request) -> h11.Response:
        """Send the request and return the head of its answer."""
        protocol, content = self._protocol, request.read()
        question = h11.Request(method=request.method, target=request.url.raw_path, headers=request.headers.raw)
        data = protocol.send(question) or b""
        if content:
            data += protocol.send(h11.Data(content)) or b""
        self._wire.send(data + (protocol.send(h11.EndOfMessage()) or b""))
        while True:
            event = self._next()
            if isinstance(event, h11.Response):
                return event
            if not isinstance(event, h11.InformationalResponse):
                raise self._nonsense()
