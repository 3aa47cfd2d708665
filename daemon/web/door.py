"""Who may act: the token lets a person in, and a session in this process's memory remembers them for a while."""

import hashlib
import hmac
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

LASTS_S = 8 * 3600.0  # a working day
MOST = 100  # sessions; whoever comes then takes the place of the one who came first


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who logged in. `user` is the id that the shop knows them by, if they said so."""

    csrf: str
    user: int | None


class Door:
    """Knows the token, and who has come in. Called by several threads."""

    def __init__(self, token: str | None, clock: Callable[[], float] = monotonic) -> None:
        self._token = None if token is None else _digest(token)
        self._clock = clock
        self._lock = threading.Lock()
        self._inside: dict[bytes, tuple[Person, float]] = {}  # by the digest of what their cookie says

    @property
    def has_lock(self) -> bool:
        """Whether anybody can come in at all."""
        return self._token is not None

    def admit(self, token: str, user: int | None) -> str | None:
        """What the person's cookie is to say; None where the token is wrong."""
        if self._token is None or not hmac.compare_digest(self._token, _digest(token)):
            return None
        key = secrets.token_urlsafe(32)
        person = Person(secrets.token_urlsafe(32), user)
        with self._lock:
            self._forget_old()
            while len(self._inside) >= MOST:
                del self._inside[next(iter(self._inside))]
            self._inside[_digest(key)] = person, self._clock() + LASTS_S
        return key

    def find(self, key: str | None) -> Person | None:
        with self._lock:
            self._forget_old()
            found = self._inside.get(_digest(key)) if key else None
        return found[0] if found else None

    def leave(self, key: str | None) -> None:
        with self._lock:
            self._inside.pop(_digest(key or ""), None)

    def _forget_old(self) -> None:
        now = self._clock()
        for key in [key for key, (_, ends) in self._inside.items() if ends <= now]:
            del self._inside[key]


def is_theirs(person: Person, csrf: str) -> bool:
    """Whether a form came from a page that we showed to this person."""
    return hmac.compare_digest(person.csrf.encode(), csrf.encode(errors="replace"))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode(errors="replace")).digest()
