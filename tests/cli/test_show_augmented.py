"""`mapsto audit --show-augmented`: a sheet of augmented images, and a refusal where there are none."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image


def test_it_draws_a_sheet_and_says_where(mapsto, tmp_path: Path):
    file = tmp_path / "sheet.png"
    done = mapsto("audit", "digits", "--show-augmented", file, "--set", "augment.rotate=30", "--json")
    assert done.exit_code == 0, done.stderr
    assert json.loads(done.stdout) == {"sheet": str(file)}
    with Image.open(file) as sheet:
        assert sheet.size == (578, 566)


def test_a_table_is_refused(mapsto, tmp_path: Path):
    table = tmp_path / "t.csv"
    table.write_text("a,b\n" + "\n".join(f"{n},{n % 7}" for n in range(60)))
    done = mapsto("audit", table, "--target", "b", "--show-augmented", tmp_path / "sheet.png")
    assert done.exit_code == 2
    assert "needs images or recordings" in done.stderr
    assert not (tmp_path / "sheet.png").exists()
