"""Log-mel spectrograms: frequencies, lengths, rates and scaling."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mapsto.data.encoders._sound import FLOOR, RANGE, Grid, filters, log_mel
from mapsto.data.encoders.spectrogram import Spectrogram
from mapsto.data.table import Column, Table
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions
from mapsto.testing.encoders import Tone

GRID = Grid(rate=8000, num_mels=40, samples=4000, window=200, hop=80)


def table_of(*tones) -> Table:
    values = np.empty(len(tones), dtype=object)
    values[:] = tones
    return Table("tones", {"audio": Column("audio", "audio", values)}, None, None, np.arange(len(tones)), "x")


def fitted(*tones, **options):
    table = table_of(*tones)
    encoder = Spectrogram(["audio"], DataOptions(**options))
    notes = encoder.fit(table, np.arange(len(tones)))
    return encoder, encoder.encode(table), notes


def middles(grid: Grid) -> np.ndarray:
    edges = np.linspace(0, 2595 * np.log10(1 + grid.rate / 1400), grid.num_mels + 2)[1:-1]
    return 700 * (10 ** (edges / 2595) - 1)


@pytest.mark.parametrize("hertz", [150.0, 440.0, 1000.0, 2500.0, 3600.0])
def test_a_tone_is_loudest_in_the_band_of_its_frequency(hertz):
    spectrogram = log_mel(*Tone(hertz, 0.5).decode(), GRID)
    assert spectrogram.shape == (40, GRID.frames)
    assert abs(int(spectrogram[:, 25].argmax()) - int(np.abs(middles(GRID) - hertz).argmin())) <= 1


def test_a_full_scale_tone_has_about_0_decibels_and_silence_the_floor():
    assert log_mel(*Tone(1000, 0.5).decode(), GRID).max() == pytest.approx(0, abs=6)
    assert (log_mel(np.zeros(4000, np.float32), 8000, GRID) == FLOOR).all()
    loud = log_mel(*Tone(1000, 0.5).decode(), GRID)
    assert loud.min() == pytest.approx(loud.max() - RANGE)


def test_ten_times_the_amplitude_is_20_decibels_more():
    noise = np.random.default_rng(0).normal(0, 0.01, 4000).astype(np.float32)
    np.testing.assert_allclose(log_mel(noise * 10, 8000, GRID) - log_mel(noise, 8000, GRID), 20, atol=1e-3)


def test_another_rate_gives_nearly_the_same_spectrogram():
    at_8000 = log_mel(*Tone(440, 0.5).decode(), GRID)
    at_22050 = log_mel(*Tone(440, 0.5, 22_050).decode(), GRID)
    assert np.abs(at_8000 - at_22050)[at_8000 > -40].max() < 2


def test_short_recordings_are_filled_and_long_ones_cut_on_both_sides():
    short = log_mel(*Tone(440, 0.1).decode(), GRID)
    heard = np.flatnonzero(short.max(axis=0) > -20)
    assert abs(heard.mean() - GRID.frames / 2) <= 1
    assert len(heard) <= 14
    long = log_mel(*Tone(440, 5.0).decode(), GRID)
    assert long.shape == short.shape
    assert (long.max(axis=0) > -20).all()


@pytest.mark.parametrize(("rate", "num_mels"), [(8000, 64), (8000, 256), (1000, 256), (48_000, 128)])
def test_every_band_has_a_frequency(rate, num_mels):
    assert (filters(rate, 512, num_mels).sum(axis=1) > 0).all()


def test_the_settings_of_a_set_follow_from_its_training_rows():
    tones = [Tone(300 + 10 * row, 0.3) for row in range(38)] + [Tone(500, 9.0), Tone(600, 0.2, 44_100)]
    encoder, encoded, notes = fitted(*tones)
    assert (encoder.grid.rate, encoder.grid.samples) == (8000, 2400)
    assert (encoded.shape, encoded.dtype) == ((40, 1, 64, 31), np.float16)
    assert "0.3 seconds at 8,000 samples a second; one recording in training longer" in notes[0].message


def test_settings_are_obeyed():
    encoder, encoded, _ = fitted(Tone(300, 0.3), Tone(400, 0.3), sample_rate=4000, duration=0.5, num_mels=16)
    assert (encoder.grid.rate, encoder.grid.samples, encoded.shape[2]) == (4000, 2000, 16)


def test_a_high_rate_is_brought_to_16_kilohertz_and_long_recordings_to_few_frames():
    encoder, encoded, _ = fitted(*[Tone(300, 30.0, 44_100)] * 2)
    assert (encoder.grid.rate, encoder.grid.samples) == (16_000, 160_000)
    assert 200 < encoded.shape[3] <= 257


def test_each_band_gets_mean_0_and_deviation_1():
    _, encoded, _ = fitted(*[Tone(200 + 80 * row, 0.3) for row in range(30)])
    np.testing.assert_allclose(encoded.astype(np.float64).mean(axis=(0, 1, 3)), 0, atol=0.01)
    np.testing.assert_allclose(encoded.astype(np.float64).std(axis=(0, 1, 3)), 1, atol=0.01)


@pytest.mark.parametrize(("scale", "low", "high"), [("minmax", 0, 1), ("symmetric", -1, 1)])
def test_other_scales(scale, low, high):
    _, encoded, _ = fitted(*[Tone(200 + 80 * row, 0.3) for row in range(9)], scale=scale)
    assert (encoded.min(), encoded.max()) == (pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3))


def test_a_scale_for_columns_of_numbers_is_refused():
    with pytest.raises(DataError, match="`data.scale: robust` is for columns of numbers"):
        fitted(Tone(300, 0.3), Tone(900, 0.3), scale="robust")


def test_decibels_as_they_are():
    encoder, encoded, _ = fitted(Tone(300, 0.3), Tone(900, 0.3), scale="none")
    np.testing.assert_allclose(encoded[0, 0], log_mel(*Tone(300, 0.3).decode(), encoder.grid), atol=0.06)


def test_a_missing_recording_is_told():
    encoder, _, _ = fitted(Tone(300, 0.3), Tone(900, 0.3))
    with pytest.raises(DataError, match="no recording"):
        encoder.encode(table_of(None))
    with pytest.raises(DataError, match="No training row of tones has a recording"):
        fitted(None, None)


def test_a_broken_recording_among_others_does_not_stop_the_fit():
    class Broken(Tone):
        def decode(self):
            raise DataError("b.wav is damaged.")

    tones = [Tone(300, 0.3), replace(Tone(500, 0.3)), Broken(1, 0.3)]
    encoder = Spectrogram(["audio"], DataOptions())
    encoder.fit(table_of(*tones), np.arange(3))
    whole = Spectrogram(["audio"], DataOptions())
    whole.fit(table_of(*tones[:2]), np.arange(2))
    assert encoder.state() == whole.state()
