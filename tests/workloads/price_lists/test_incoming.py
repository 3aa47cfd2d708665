"""A list that was laid in stays for as long as its import may have to wait."""

from __future__ import annotations

import os
from pathlib import Path

from daemon.workloads.price_lists.incoming import lay_in

DAY_S = 24 * 60 * 60


def test_a_list_outlasts_some_days_without_a_daemon(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    places = []
    for days in (8, 6):
        file.write_text(f"sku;name\n{days};x\n")
        places.append(lay_in(tmp_path / "incoming", file))
    for place, days in zip(places, (8, 6), strict=True):
        os.utime(place, (1, place.stat().st_mtime - days * DAY_S))
    file.write_text("sku;name\n1;x\n")
    lay_in(tmp_path / "incoming", file)
    assert [place.exists() for place in places] == [False, True]
