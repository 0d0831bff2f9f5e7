"""Every tokenizer that the folder holds, and what is particular to each."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from mapsto.data.encoders.tokens import Tokens
from mapsto.data.tokenizers._text import has_mostly_no_words
from mapsto.data.tokenizers.base import SPECIAL, UNKNOWN
from mapsto.errors import MissingPackage, RecipeError
from mapsto.recipe.families import TOKENIZERS
from mapsto.recipe.schema import DataOptions, Recipe
from mapsto.testing.tables import make_table

TRAINED = ("bpe", "wordpiece")
TEXTS = ["The very good hotel, isn't it?", "房间很好, nice房间", "<pad> a ▁ test", "", "very goods, goodness"] * 8


@pytest.fixture(autouse=True)
def library(request):
    if any(name in request.node.name for name in TRAINED):
        pytest.importorskip("tokenizers")


def learned(name, texts=TEXTS, **options):
    tokenizer = TOKENIZERS.get(name)(DataOptions(**options))
    tokenizer.learn(texts)
    return tokenizer


def tokens(tokenizer, text):
    return [tokenizer.names[number] for number in next(tokenizer.ids([text], 1000))]


@pytest.mark.parametrize("name", TOKENIZERS.names())
@pytest.mark.parametrize("size", [3, 20, 1000])
def test_what_is_saved_as_json_gives_the_same_ids(name, size):
    first, second = learned(name, vocabulary_size=size), TOKENIZERS.get(name)(DataOptions())
    second.load(json.loads(json.dumps(first.state())))
    texts = [*TEXTS, "never seen 漢字 \ud800", "hôtel"]
    assert list(second.ids(texts, 9)) == list(first.ids(texts, 9))
    assert second.names == first.names
    assert len(SPECIAL) < len(first.names) <= size


@pytest.mark.parametrize("name", TOKENIZERS.names())
def test_a_text_cannot_name_a_special_token(name):
    ids = next(learned(name).ids(["<pad> <unknown>"], 100))
    assert 0 not in ids
    assert len(ids) >= 2


@pytest.mark.parametrize("name", TOKENIZERS.names())
def test_only_training_texts_are_learned_from(name):
    others = ["very good test", "zebra ß 象 !!" * 50]
    states = []
    for other in others:
        table = make_table({"text": [*TEXTS, other]}, kinds={"text": "text"})
        encoder = Tokens(["text"], DataOptions(tokenizer=name))
        encoder.fit(table, np.arange(len(TEXTS)))
        states.append(json.dumps(encoder.state()))
    assert states[0] == states[1]


@pytest.mark.parametrize("name", TRAINED)
def test_another_process_learns_the_same(name):
    code = (
        "import json, random; from mapsto.recipe.families import TOKENIZERS; from mapsto.recipe.schema import "
        "DataOptions; draw = random.Random(0); words = [''.join(draw.choices('abcdefghij', k=4)) for _ in range(300)];"
        "texts = [' '.join(draw.choices(words, k=8)) for _ in range(200)];"
        f"made = TOKENIZERS.get({name!r})(DataOptions(vocabulary_size=200)); made.learn(texts);"
        "print(json.dumps(made.state()))"
    )
    runs = [subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout for _ in range(2)]
    assert runs[0] == runs[1]
    assert len(json.loads(runs[0])["tokenizer"]["model"]["vocab"]) == 200


def test_characters_are_composed_and_white_space_is_one_space():
    made = learned("characters", ["e\u0301a", "Ab"])
    assert tokens(made, "e\u0301 \n A<br/>b") == ["é", "<unknown>", "A", "<unknown>", "b"]


@pytest.mark.parametrize("name", TRAINED)
def test_common_words_are_whole_and_new_ones_are_put_together_of_pieces(name):
    made = learned(name, ["low lower lowest new newer newest"] * 20)
    assert tokens(made, "Low newest") == ["low", "newest"]
    pieces = tokens(made, "lownew")
    assert pieces[0] == "low"
    assert all(piece.startswith("##") for piece in pieces[1:])
    assert "".join(piece.removeprefix("##") for piece in pieces) == "lownew"


def test_byte_pairs_join_chinese_characters_and_wordpiece_does_not_bpe():
    texts = ["房间很好", "房间不好", "大房间"] * 5
    assert tokens(learned("bpe", texts, vocabulary_size=9), "房间好")[0] == "房间"
    assert tokens(learned("wordpiece", texts), "房间好") == ["房", "间", "好"]


@pytest.mark.parametrize("name", TRAINED)
def test_characters_never_seen_are_unknown(name):
    assert UNKNOWN in next(learned(name).ids(["ж"], 5))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["房间很好, nice"], False),
        (["とても良いホテル"], False),
        (["โรงแรมดีมาก"], True),
        (["a very nice โรงแรม"], False),
        (["좋은 호텔"], False),
        (["12 34 !!"], False),
        ([], False),
    ],
)
def test_scripts_in_which_no_rule_finds_words_are_recognized(texts, expected):
    assert has_mostly_no_words(texts) is expected


@pytest.mark.parametrize("name", TRAINED)
def test_a_missing_library_says_how_to_install_it(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(MissingPackage, match=rf"`data.tokenizer: {name}` needs .* `pip install 'mapsto\[text\]'`"):
        learned(name)


def test_an_unknown_tokenizer_is_refused_and_auto_is_not():
    base = {"task.name": "text_classification"}
    assert Recipe.from_leaves(base).data.tokenizer == "auto"
    with pytest.raises(RecipeError, match="tokenizer"):
        Recipe.from_leaves({**base, "data.tokenizer": "wrds"})


@pytest.mark.parametrize(("text", "expected"), [("โรงแรมดีมาก", "characters"), ("房间很好", "words"), ("good", "words")])
def test_the_automatic_choice_is_said_where_it_is_not_words(text, expected):
    table = make_table({"text": [text]}, kinds={"text": "text"})
    encoder = Tokens(["text"], DataOptions())
    notes = encoder.fit(table, np.arange(1))
    assert encoder.state()["tokenizer"] == expected
    assert any("(`data.tokenizer`)" in note.message for note in notes) == (expected != "words")
