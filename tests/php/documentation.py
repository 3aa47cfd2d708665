"""The examples of docs/php.md: fenced blocks that have a name, run in the order in which they stand there."""

import json
from pathlib import Path
from typing import Any

from tests.php.php import run_php
from tests.support.page import read_blocks

DOCUMENT = Path(__file__).parents[2] / "docs" / "php.md"
CLASS = Path(__file__).parents[2] / "php"

# After each block: what its variables hold, as far as JSON can say it.
NOTE = """
file_put_contents(getenv('SEEN'), json_encode(['%s', array_diff_key(get_defined_vars(), $before)],
    JSON_PARTIAL_OUTPUT_ON_ERROR) . "\\n", FILE_APPEND);
"""


def blocks() -> dict[str, tuple[str, str]]:
    """Language and text of each, by name."""
    named = [block for block in read_blocks(DOCUMENT) if block.name]
    assert len({block.name for block in named}) == len(named), "a name stands twice"
    return {block.name: (block.language, block.text) for block in named}


def run_chain(
    prefix: str,
    dsn: str,
    folder: Path,
    preamble: str = "",
    leave_out: str = "",
    then: str = "",
    **environment: str,
) -> dict[str, dict[str, Any]]:
    """Run the PHP blocks whose names begin so, in one script; returns for each what its variables held after it.

    A block that begins with <?php is a file of its own, and is required where it stands. What is run `then` is none of
    the page, and is called "then".
    """
    script = ["<?php", preamble, "$before = get_defined_vars() + ['before' => 0];"]
    for name, (language, text) in blocks().items():
        if language != "php" or not name.startswith(prefix) or name == leave_out:
            continue
        if text.startswith("<?php"):
            (folder / f"{name}.php").write_text(text, encoding="utf-8")
            text = f"require '{folder / name}.php';\n"
        script += [text, NOTE % name]
    script += [then, NOTE % "then"]
    seen = folder / f"{prefix}.jsonl"
    run_php("\n".join(script), dsn, include_path=f"{CLASS}:/usr/share/php", SEEN=str(seen), **environment)
    return dict(json.loads(line) for line in seen.read_text(encoding="utf-8").splitlines())
