"""README and docs: what a reader would run is run, block after block, and prints what the page says."""

import contextlib
import json
import shutil
from pathlib import Path

import pytest

from tests.docs.scenes import SCENES
from tests.support.page import PAGES, ROOT, read_blocks, short_name
from tests.support.scene import Scene

pytestmark = pytest.mark.one_server  # its subject are the words of the pages

RUNNABLE = [page for page in PAGES if any(block.is_run for block in read_blocks(page))]
# How many blocks of a page may be left out, each for the reason that the page gives.
NOT_RUN = {"README.md": 2, "operations.md": 3, "tutorial.md": 2}


@pytest.mark.parametrize("page", RUNNABLE, ids=short_name)
def test_each_block_does_what_the_page_says(page: Path, scene: Scene) -> None:
    blocks = [block for block in read_blocks(page) if block.is_run]
    if not shutil.which("php") and any(block.language == "php" for block in blocks):
        pytest.skip("php is not installed")
    prepare = (
        contextlib.contextmanager(SCENES[short_name(page)]) if short_name(page) in SCENES else contextlib.nullcontext
    )
    with prepare(scene):
        for block in blocks:
            scene.run(block)


@pytest.mark.parametrize("page", PAGES, ids=short_name)
def test_what_is_not_run_is_little_and_has_a_reason(page: Path) -> None:
    left_out = [block for block in read_blocks(page) if "not run" in block.notes]
    assert len(left_out) == NOT_RUN.get(short_name(page), 0), [block.place for block in left_out]
    for block in left_out:
        assert len(block.notes["not run"].split()) >= 3, f"{block.place}: a reason is a sentence"


@pytest.mark.parametrize("page", PAGES, ids=short_name)
def test_what_is_quoted_stands_there_and_what_is_json_is_json(page: Path) -> None:
    for block in read_blocks(page):
        if "from" in block.notes:
            source = (ROOT / block.notes["from"]).read_text(encoding="utf-8")
            lines = "\n".join(line.strip() for line in source.splitlines())
            assert "\n".join(line.strip() for line in block.text.splitlines()) in lines, block.place
        elif block.language == "json":
            for part in block.text.splitlines() if block.text.count("\n{") else [block.text]:
                json.loads(part)
