"""What is known of a file that was fetched: its label, kept beside it on the shelf."""

import re
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Self

SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Label:
    """Without credentials, so that it may be shown and kept."""

    source: str  # where it was to be fetched, with secrets left out
    mark: str  # of the whole source: see Source.mark
    url: str | None  # where it was found, after redirects, with secrets left out; None for a local file
    size_bytes: int
    sha256: str  # 64 hexadecimal digits
    etag: str | None
    last_modified: str | None  # as the server said it
    content_type: str | None
    fetched_at: datetime  # UTC, by the clock of the host that fetched it

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"fetched_at": self.fetched_at.isoformat()}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Raises ValueError when it is no label."""
        try:
            label = cls(**values | {"fetched_at": datetime.fromisoformat(values["fetched_at"])})
        except (TypeError, KeyError) as error:
            raise ValueError(f"not a label: {error}") from None
        if SHA256.fullmatch(str(label.sha256)) is None:
            raise ValueError("not a label: its checksum")
        return label
