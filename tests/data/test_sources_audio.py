"""Recordings: folders of classes, patterns of file names, every width of WAV, damage and silence."""

from __future__ import annotations

import struct
import sys
import wave
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mapsto.data import audio
from mapsto.data.read import read
from mapsto.data.trees import FolderTree
from mapsto.errors import DataError, MissingPackage, RecipeError
from mapsto.recipe.schema import DataOptions
from mapsto.recipe.space import Space

OPTIONS = DataOptions()
RATE = 8000


def tone(hertz: float = 440.0, seconds: float = 0.1, rate: int = RATE) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


def save(path: Path, samples, width: int = 2, rate: int = RATE) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.asarray(samples)
    whole = np.clip(np.rint(samples * 2 ** (8 * width - 1)), -(2 ** (8 * width - 1)), 2 ** (8 * width - 1) - 1)
    if width == 1:
        raw = (whole + 128).astype(np.uint8).tobytes()
    else:
        raw = whole.astype("<i8")[..., np.newaxis].view(np.uint8)[..., :width].tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(raw)
    return path


def two_classes(folder: Path, count: int = 4) -> Path:
    for row in range(count):
        save(folder / "low" / f"{row}.wav", tone(200 + row))
        save(folder / "high" / f"{row}.wav", tone(1000 + row))
    return folder


def test_a_folder_for_each_class(tmp_path):
    table = read(two_classes(tmp_path / "tones"), options=OPTIONS)
    assert (table.name, table.target, table.columns["audio"].kind) == ("tones", "class", "audio")
    assert table.columns["class"].values.tolist() == ["high"] * 4 + ["low"] * 4
    samples, rate = table.columns["audio"].values[0].decode()
    assert rate == RATE
    np.testing.assert_allclose(samples, tone(1000), atol=1e-4)
    assert table.columns["audio"].values[0].seconds == pytest.approx(0.1)


def test_an_archive_with_a_table_beside_its_recordings(tmp_path):
    folder = two_classes(tmp_path / "tones")
    with zipfile.ZipFile(tmp_path / "tones.zip", "w") as file:
        for path in sorted(folder.rglob("*.wav")):
            file.write(path, f"recordings/{path.relative_to(folder)}")
        file.writestr("labels.csv", "a,b\n1,2\n")
    table = read(tmp_path / "tones.zip", options=OPTIONS)
    assert (len(table), set(table.columns["class"].values)) == (8, {"low", "high"})


def test_a_pattern_tells_class_and_part(tmp_path):
    names = [f"{digit}_{who}_{take}.wav" for digit in (3, 7) for who in ("ann", "bob") for take in range(3)]
    for name in names:
        save(tmp_path / name, tone())
    save(tmp_path / "noise.wav", tone())
    pattern = r"(?P<label>\d)_[a-z]+_((?P<test>0)|\d+)\.wav"
    table = read(tmp_path, options=DataOptions(label_pattern=pattern))
    assert table.columns["class"].values.tolist() == [name[0] for name in names]
    assert table.given_parts.tolist() == ["test", "", ""] * 4
    assert any("1 recordings have no label by `data.label_pattern`" in note.message for note in table.notes)
    other = read(tmp_path, options=DataOptions(label_pattern=r"_(?P<label>ann|bob)_"))
    assert other.fingerprint != table.fingerprint
    assert set(other.columns["class"].values) == {"ann", "bob"}


def test_a_pattern_works_for_images_too(tmp_path):
    from PIL import Image

    for name in ("cat_1", "cat_2", "dog_1", "dog_2"):
        Image.new("L", (4, 4), len(name)).save(tmp_path / f"{name}.png")
    table = read(tmp_path, options=DataOptions(label_pattern=r"(?P<label>[a-z]+)_\d"))
    assert table.columns["class"].values.tolist() == ["cat", "cat", "dog", "dog"]


@pytest.mark.parametrize(
    ("pattern", "message"), [("(", "no regular expression"), (r"\d+", r"must have a group \(\?P<label>")]
)
def test_a_pattern_that_tells_nothing_is_refused(pattern, message):
    with pytest.raises(RecipeError, match=message):
        Space.from_mapping({"task.name": "audio_classification", "data.label_pattern": pattern}).recipe()


def test_side_by_side_without_a_pattern_says_how_to_give_one(tmp_path):
    for row in range(4):
        save(tmp_path / f"{row}_a.wav", tone())
    with pytest.raises(DataError, match="recordings lie side by side .* set `data.label_pattern`, such as"):
        read(tmp_path, options=OPTIONS)
    with pytest.raises(DataError, match="finds no label in any of the 4 paths"):
        read(tmp_path, options=DataOptions(label_pattern="(?P<label>z)"))


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_every_width_of_plain_wav_is_read_alike(width, tmp_path):
    path = save(tmp_path / "a.wav", tone(), width)
    samples, rate = audio.decoded(path.read_bytes(), "a.wav")
    np.testing.assert_allclose(samples, tone(), atol=2.0 ** (1 - 8 * width) + 1e-6)
    assert rate == RATE


def test_channels_are_averaged(tmp_path):
    both = np.stack([tone(300), tone(500)], axis=1)
    samples, _ = audio.decoded(save(tmp_path / "a.wav", both).read_bytes(), "a.wav")
    np.testing.assert_allclose(samples, both.mean(axis=1), atol=1e-4)


@pytest.mark.parametrize("suffix", ["flac", "ogg", "wav"])
def test_other_formats_through_libsndfile(suffix, tmp_path):
    soundfile = pytest.importorskip("soundfile")
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, tone(440, 0.5), RATE, subtype="FLOAT" if suffix == "wav" else None)
    samples, rate = audio.decoded(path.read_bytes(), path.name)
    assert rate == RATE
    np.testing.assert_allclose(samples[1000:3000], tone(440, 0.5)[1000:3000], atol=0.05 if suffix == "ogg" else 1e-4)


def test_without_the_extra_the_message_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "soundfile", None)
    with pytest.raises(
        MissingPackage, match=r"Reading a.flac needs the package `soundfile`.* `pip install 'mapsto\[audio\]'`"
    ):
        audio.decoded(b"fLaC....", "a.flac")


DAMAGE = {
    "empty": (lambda data: b"", "is empty"),
    "cut off": (lambda data: data[:-300], "is cut off: 650 of 800 samples"),
    "header only": (lambda data: data[:20], "is damaged"),
    "no channels": (lambda data: data[:22] + b"\0\0" + data[24:], "is damaged"),
    "absurd rate": (lambda data: data[:24] + struct.pack("<I", 3) + data[28:], "3 samples a second"),
    "no samples": (lambda data: data[:40] + struct.pack("<I", 0), "holds no sound"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_is_told(case, tmp_path):
    damage, message = DAMAGE[case]
    data = damage(save(tmp_path / "a.wav", tone()).read_bytes())
    with pytest.raises(DataError, match=message):
        audio.decoded(data, "a.wav")


def test_damaged_and_silent_recordings_are_named(tmp_path):
    folder = two_classes(tmp_path / "tones", 12)
    (folder / "low" / "0.wav").write_bytes(b"RIFF")
    save(folder / "low" / "1.wav", np.zeros(800))
    table = read(folder, options=OPTIONS)
    assert len(table) == 23
    warnings = [note.message for note in table.notes if note.level == "warning"]
    assert any(
        "1 of 24 recordings in tones cannot be read and were left out: low/0.wav is" in text for text in warnings
    )
    assert any("1 of 24 recordings in tones are silent: low/1.wav." in text for text in warnings)


def test_mutated_files_end_in_a_message(tmp_path):
    data = bytearray(save(tmp_path / "a.wav", tone()).read_bytes())
    rng = np.random.default_rng(3)
    for _ in range(300):
        mutated = bytearray(data)
        for place in rng.integers(0, 60, 3):
            mutated[place] = rng.integers(0, 256)
        (tmp_path / "b.wav").write_bytes(mutated[: rng.integers(1, len(data))])
        (looked,) = audio.look(FolderTree(tmp_path, only=("b.wav",)), ["b.wav"])
        assert isinstance(looked, audio.AudioFile) or "b.wav" in str(looked)


def test_a_folder_of_images_is_still_one_of_images(tmp_path):
    from PIL import Image

    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        for row in range(3):
            Image.new("L", (4, 4), 9 * row).save(tmp_path / name / f"{row}.png")
    save(tmp_path / "cat" / "meow.wav", tone())
    assert "image" in read(tmp_path, options=OPTIONS).columns


def test_a_network_tells_high_tones_from_low_ones_and_predicts_new_recordings(tmp_path):
    import mapsto as mp

    settings = ["training.max_epochs=10", "training.batch_size=8", "model.channels=8", "data.num_mels=16"]
    result = mp.train(two_classes(tmp_path / "tones", 24), settings=settings, out=tmp_path / "run", overwrite=True)
    summary = result.summary()
    assert summary["task"]["name"] == "audio_classification"
    assert summary["scorecard"]["metrics"]["accuracy"]["value"] == 1.0
    save(tmp_path / "new" / "a.wav", tone(210))
    save(tmp_path / "new" / "b.wav", tone(1010, 0.3, 16_000), rate=16_000)
    assert result.best.predict(tmp_path / "new")["answer"].tolist() == ["low", "high"]
    assert result.best.predict(tmp_path / "new" / "b.wav")["answer"].tolist() == ["high"]


def test_real_fsdd_by_its_name(shared_data):
    table = read("fsdd", options=DataOptions(root=str(shared_data)))
    assert (len(table), sorted(set(table.columns["class"].values))) == (3000, list("0123456789"))
    assert (table.given_parts == "test").sum() == 300
    assert {one.rate for one in table.columns["audio"].values} == {8000}


@pytest.mark.slow
def test_real_fsdd_is_learned(shared_data, tmp_path):
    import mapsto as mp

    settings = [f"data.root={shared_data}", "training.max_epochs=10", "data.num_mels=40"]
    result = mp.train("fsdd", settings=settings, out=tmp_path / "run")
    assert result.scorecard.metrics["accuracy"].value > 0.95
