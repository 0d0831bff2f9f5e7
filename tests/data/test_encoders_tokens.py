from __future__ import annotations

import numpy as np
import pytest

from mapsto.data.encoders.tokens import Tokens
from mapsto.data.tokenizers.words import Words
from mapsto.errors import DataError
from mapsto.recipe.schema import DataOptions
from mapsto.testing.tables import make_table


def fitted(texts, rows=None, **options):
    table = make_table({"text": texts}, kinds={"text": "text"})
    encoder = Tokens(["text"], DataOptions(**options))
    notes = encoder.fit(table, np.arange(len(table)) if rows is None else np.asarray(rows))
    return encoder, encoder.encode(table), [note.message for note in notes]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It's NOT bad!", ["it's", "not", "bad"]),
        ("It’s fine", ["it's", "fine"]),
        ("one<br /><br>two<BR/>three", ["one", "two", "three"]),
        ("'quoted' rock'n'roll", ["quoted", "rock'n'roll"]),
        ("房间很好, nice房间", ["房", "间", "很", "好", "nice", "房", "间"]),
        ("Ärger über 3.5 Sterne", ["ärger", "über", "3", "5", "sterne"]),
        ("좋은 호텔", ["좋은", "호텔"]),
        ("!!! ...", []),
    ],
)
def test_texts_are_split_into_lower_case_words(text, expected):
    assert Words.split(text) == expected


def test_frequent_words_come_first_and_equally_frequent_ones_by_alphabet():
    encoder, encoded, _ = fitted(["b a c", "c a", "c"])
    assert encoder.spec.names == ("<pad>", "<unknown>", "c", "a", "b")
    assert encoded.dtype == np.int32
    assert encoded.tolist() == [[0, 0, 0, 0, 0, 4, 3, 2], [0, 0, 0, 0, 0, 0, 2, 3], [0, 0, 0, 0, 0, 0, 0, 2]]


def test_long_texts_keep_their_last_words():
    encoder, encoded, notes = fitted(["a b c d e", "e"], max_length=3)
    names = np.asarray(encoder.spec.names)
    assert names[encoded[0]].tolist() == ["c", "d", "e"]
    assert notes[1] == "50 % of the training texts are longer than 3 words; their last 3 are kept (`data.max_length`)."


def test_the_vocabulary_holds_so_many_words_with_padding_and_unknown():
    encoder, encoded, notes = fitted(["a a a b b c", "zebra a"], [0], vocabulary_size=4)
    assert encoder.spec.names == ("<pad>", "<unknown>", "a", "b")
    assert encoded[1, -2:].tolist() == [1, 2]
    assert notes == ["Texts are read as 2 of 3 different words; 17 % of the words in training are unknown."]


def test_the_length_is_that_of_the_longest_training_text_rounded_up():
    encoder, _, _ = fitted(["one two three", "word " * 50], [0])
    assert encoder.spec.shape == (8,)


def test_a_missing_text_is_all_padding_and_warned_of_in_training():
    _, encoded, notes = fitted(["a b", None, "..."])
    assert encoded[1:].sum() == 0
    assert notes[1] == "2 training texts held no word at all."


def test_several_columns_are_read_as_one_text():
    table = make_table({"title": ["good"], "body": ["very good"]}, kinds={"title": "text", "body": "text"})
    encoder = Tokens(["title", "body"], DataOptions())
    encoder.fit(table, np.arange(1))
    assert encoder.encode(table)[0, -3:].tolist() == [2, 3, 2]


def test_texts_without_a_word_are_refused():
    with pytest.raises(DataError, match=r'The text "text" of table has no word in any of the 2 training rows'):
        fitted(["", "?"])
