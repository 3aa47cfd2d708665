"""Unpacks what a server has packed for the way, a bounded piece at a time: a few bytes may become any number."""

import zlib
from collections.abc import Iterable, Iterator

from daemon.workloads.price_lists.fetching.failure import FetchFailed

ACCEPTED = "gzip"
PIECE = 65_536
GZIP = zlib.MAX_WBITS | 16  # for zlib: with gzip's head


def unpacked(pieces: Iterable[bytes], encoding: str, host: str) -> Iterator[bytes]:
    """`encoding` is the value of Content-Encoding. The pieces that come out are at most 64 KB. Raises FetchFailed."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return iter(pieces)
    if name in ("gzip", "x-gzip"):
        return _inflated(pieces, host)
    raise FetchFailed("bad_encoding", f"{host} packed the list in a way that was not asked for")


def _inflated(pieces: Iterable[bytes], host: str) -> Iterator[bytes]:
    """Several packed parts may follow each other."""
    unpacker, is_begun = zlib.decompressobj(GZIP), False
    try:
        for data in pieces:
            while data:
                if unpacker.eof:
                    unpacker = zlib.decompressobj(GZIP)
                yield unpacker.decompress(data, PIECE)
                is_begun = True
                data = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
        while is_begun and not unpacker.eof and (last := unpacker.decompress(b"", PIECE)):
            yield last
    except zlib.error:
        raise FetchFailed("damaged", f"what {host} sent is damaged", is_transient=True) from None
    if is_begun and not unpacker.eof:
        raise FetchFailed("incomplete", f"what {host} sent ends too early", is_transient=True)
