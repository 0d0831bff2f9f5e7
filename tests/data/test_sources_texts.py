"""Folders of texts."""

from __future__ import annotations

from mapsto.data.read import read
from mapsto.recipe.schema import DataOptions


def test_texts_in_other_encodings_are_read_each_in_its_own_and_said(tmp_path):
    words = {
        "a/1": ("天气很好，我们去公园", "gb18030"),
        "a/2": ("plain", "utf-8"),
        "b/1": ("“naïve”, 5 €", "cp1252"),
        "b/2": ("ü", "utf-8"),
    }
    for name, (text, encoding) in words.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.txt").write_bytes(text.encode(encoding))
    table = read(tmp_path, options=DataOptions())
    assert table.columns["text"].values.tolist() == [text for text, _ in words.values()]
    warned = [str(note.message) for note in table.notes if note.level == "warning"]
    assert sorted("GB18030 (a/1.txt)" in one for one in warned) == [False, True]
    assert sum("Windows-1252 (b/1.txt)" in one for one in warned) == 1
