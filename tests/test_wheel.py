"""What users install: the wheel alone, without the checkout."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_wheel_works_outside_the_checkout(tmp_path: Path) -> None:
    """It holds the migrations, every SQL file and the units, and its command starts."""
    source = tmp_path / "source"
    for name in ("daemon", "migrations", "systemd"):
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    wheels = tmp_path / "wheels"
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", wheels, source], check=True)
    (wheel,) = wheels.iterdir()
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"daemon/units/{path.name}" for path in (ROOT / "systemd").iterdir()} <= names
    shipped = {name for name in names if name.endswith(".sql")}
    expected = {str(path.relative_to(ROOT)) for path in (ROOT / "daemon").rglob("*.sql")}
    expected |= {f"daemon/{path.relative_to(ROOT)}" for path in (ROOT / "migrations").glob("*.sql")}
    assert shipped == expected

    installed = tmp_path / "installed"
    subprocess.run([*pip, "install", "--no-deps", "--target", installed, wheel], check=True)
    script = "import daemon.database.schema as s; print(s.__file__, len(s.checksums()))"
    environment = os.environ | {"PYTHONPATH": str(installed)}
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)
    path, count = result.stdout.split()
    assert path.startswith(str(installed))
    forward = [path for path in (ROOT / "migrations").glob("*.sql") if not path.name.endswith(".rollback.sql")]
    assert int(count) == len(forward)
