"""Draws docs/images/life-of-a-batch.svg: who does what, from PHP's INSERT to `completed`."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

WIDTH, TOP, LINE = 940, 84, 19
LANES = {"PHP": 90, "Postgres": 330, "listener": 560, "worker": 740, "another worker": 870}
STYLE = """
  svg { color-scheme: light dark; }
  text { font: 14px system-ui, sans-serif; fill: #1f2328; }
  .lane { font-weight: 600; font-size: 15px; text-anchor: middle; }
  .small { font-size: 13px; fill: #59636e; paint-order: stroke; stroke: #ffffff; stroke-width: 6; }
  .sheet { fill: #ffffff; }
  .line { stroke: #d1d9e0; stroke-width: 2; }
  .arrow { stroke: #1f2328; stroke-width: 1.5; fill: none; }
  .head { fill: #1f2328; }
  .transaction { fill: #ddf4ff; stroke: #0969da; }
  .lease { fill: #fff8c5; stroke: #9a6700; stroke-width: 2; }
  .title { font-weight: 600; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .small { fill: #b7bdc8; stroke: #0d1117; }
    .sheet { fill: #0d1117; }
    .line { stroke: #3d444d; }
    .arrow { stroke: #f0f6fc; }
    .head { fill: #f0f6fc; }
    .transaction { fill: #0c2d4d; stroke: #4493f8; }
    .lease { fill: #3b2e04; stroke: #d29922; }
  }
"""


@dataclass(frozen=True, slots=True)
class Arrow:
    """One lane tells another something."""

    source: str
    target: str
    text: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """What one commit holds; `is_lease`: it holds a slice's row locked for as long as it lasts."""

    title: str
    steps: tuple[str, ...]
    is_lease: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """What PHP sees, or may see, at this point."""

    lines: tuple[str, ...]


STORY = (
    Arrow("PHP", "Postgres", "INSERT … product_ids; COMMIT"),
    Note(("status = pending",)),
    Arrow("Postgres", "listener", "NOTIFY catalogd (by trigger)"),
    Arrow("listener", "worker", "rings the bell"),
    Transaction(
        "plan: one statement",
        (
            "lock a pending batch, SKIP LOCKED",
            "expand product_ids; what is no id is an item error",
            "cut it into slices of 500, fairly between batches",
            "status = processing; audit",
        ),
    ),
    Note(("status = processing", "total_products is true")),
    Transaction(
        "claim: one statement",
        ("lock the next free slice, SKIP LOCKED", "attempts + 1, claimed_by; commit"),
    ),
    Arrow("worker", "another worker", "there is more"),
    Transaction(
        "treat: one transaction for each slice",
        (
            "lock the slice's row: this lock is the lease",
            "lock the products, in the order of their ids; read them",
            "decide, in Python",
            "older pending predictions: superseded",
            "COPY predictions, then evidence",
            "item errors; counters of the batch; delete the slice",
            "with the last slice: status = completed; audit",
            "COMMIT, on disk",
        ),
        is_lease=True,
    ),
    Note(("processed_products grows", "with each of these commits")),
    Arrow("Postgres", "PHP", "SELECT status, …"),
    Note(("status = completed",)),
)
DEATH = "dies in the middle: Postgres rolls back and drops the lock, the next claim takes the slice"


def draw_life() -> str:
    """The whole picture."""
    parts: list[str] = []
    y = TOP
    for step in STORY:
        drawn, y = _draw(step, y)
        parts += drawn
    height = y + 34
    lanes = [part for name, x in LANES.items() for part in _lane(name, x, y)]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" aria-labelledby="t d">',
            '<title id="t">The life of a batch</title>',
            f'<desc id="d">{escape("; ".join(_told()))}</desc>',
            f"<style>{STYLE}</style>",
            f'<rect class="sheet" width="{WIDTH}" height="{height}"/>',
            *lanes,
            *parts,
            "</svg>",
            "",
        ]
    )


def _told() -> Iterator[str]:
    """The same in words, for who cannot see it."""
    for step in STORY:
        match step:
            case Arrow(source, target, text):
                yield f"{source} to {target}: {text}"
            case Transaction(title, steps):
                yield f"{title}: {', '.join(steps)}"
            case Note(lines):
                yield f"PHP sees: {' '.join(lines)}"


def _draw(step: Arrow | Transaction | Note, y: int) -> tuple[list[str], int]:
    match step:
        case Arrow():
            return _arrow(step, y), y + 42
        case Transaction():
            return _box(step, y)
        case Note(lines):
            x = LANES["PHP"]
            texts = [
                f'<text class="small" x="{x}" y="{y + LINE * at}" text-anchor="middle">{escape(line)}</text>'
                for at, line in enumerate(lines)
            ]
            return texts, y + LINE * len(lines) + 6


def _lane(name: str, x: int, bottom: int) -> list[str]:
    return [
        f'<text class="lane" x="{x}" y="36">{name}</text>',
        f'<line class="line" x1="{x}" y1="50" x2="{x}" y2="{bottom}"/>',
    ]


def _arrow(arrow: Arrow, y: int) -> list[str]:
    start, end = LANES[arrow.source], LANES[arrow.target]
    back = 8 if end > start else -8
    middle = (start + end) / 2
    return [
        f'<text x="{middle:g}" y="{y}" text-anchor="middle">{escape(arrow.text)}</text>',
        f'<line class="arrow" x1="{start}" y1="{y + 10}" x2="{end - back}" y2="{y + 10}"/>',
        f'<polygon class="head" points="{end},{y + 10} {end - back},{y + 5} {end - back},{y + 15}"/>',
    ]


def _box(box: Transaction, y: int) -> tuple[list[str], int]:
    left, right = LANES["Postgres"] - 24, LANES["worker"] + 24
    height = LINE * (len(box.steps) + 1) + 18
    style = "lease" if box.is_lease else "transaction"
    texts = [f'<text class="title" x="{left + 14}" y="{y + 16}">{escape(box.title)}</text>']
    texts += [
        f'<text x="{left + 28}" y="{y + 16 + LINE * at}">{escape(step)}</text>' for at, step in enumerate(box.steps, 1)
    ]
    frame = f'<rect class="{style}" x="{left}" y="{y - 4}" width="{right - left}" height="{height}" rx="8"/>'
    below = y + height + 22
    if box.is_lease:
        texts.append(f'<text class="small" x="{left}" y="{y + height + 14}">{escape(DEATH)}</text>')
        below += 14
    return [frame, *texts], below
