"""The lock file: every package by version and hash, and an install that takes nothing else."""

import hashlib
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PEERS = ROOT / "bench" / "speed" / "peers"  # what the benchmark compares with, in environments of their own


def install_options() -> list[str]:
    """What `make` gives to pip when it installs the lock file."""
    (line,) = re.findall(r"pip install (.*) -r requirements\.lock", (ROOT / "Makefile").read_text(encoding="utf-8"))
    options: list[str] = line.split()
    return options


@pytest.mark.parametrize("lock", [ROOT / "requirements.lock", PEERS / "requirements.lock"], ids=["ours", "the peers'"])
def test_every_package_is_pinned_by_version_and_hash_and_no_host_is_named(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    logical = text.replace("\\\n", "").splitlines()
    pins = [line for line in logical if line and not line.lstrip().startswith("#")]
    assert len(pins) > 30
    for pin in pins:
        assert re.match(r"[a-z0-9-]+==[\w.!+]+( ;[^#]*)? +--hash=sha256:[0-9a-f]{64}", pin), pin
    assert "://" not in text


def test_every_node_package_is_pinned_by_version_and_hash_and_no_registry_is_named() -> None:
    packages = json.loads((PEERS / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    del packages[""]  # the project itself
    assert len(packages) > 30
    for name, package in packages.items():
        assert re.fullmatch(r"\d[\w.+-]*", package["version"]), name
        assert package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name


@pytest.mark.parametrize(
    ("content", "is_hashed", "refusal"),
    [
        ("as locked", True, None),
        ("tampered with", True, "DO NOT MATCH THE HASHES"),
        ("as locked", False, "Hashes are required"),
    ],
    ids=["the one locked", "another content", "no hash in the lock"],
)
def test_nothing_but_what_was_locked_is_installed(
    tmp_path: Path, content: str, is_hashed: bool, refusal: str | None
) -> None:
    wheel = make_wheel(tmp_path, "as locked")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    make_wheel(tmp_path, content)
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"thing==1.0 --hash=sha256:{digest}\n" if is_hashed else "thing==1.0\n")
    command = [sys.executable, "-m", "pip", "--isolated", "install", *install_options(), "-r", str(lock)]
    offline = ["--dry-run", "--no-index", "--find-links", str(tmp_path)]
    result = subprocess.run([*command, *offline], text=True, capture_output=True, timeout=100, check=False)
    assert (result.returncode == 0) == (refusal is None), result.stderr
    assert (refusal or "") in result.stderr


def make_wheel(directory: Path, content: str) -> Path:
    wheel = directory / "thing-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, text in {
            "thing.py": f"CONTENT = {content!r}\n",
            "thing-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: thing\nVersion: 1.0\n",
            "thing-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "thing-1.0.dist-info/RECORD": "",
        }.items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return wheel
