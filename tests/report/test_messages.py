"""Whatever other rooms say can be said in Chinese, with the same values put in."""

from __future__ import annotations

import ast
import json
import string
from pathlib import Path

import pytest

import mapsto
from mapsto._messages import Message, count, counted, from_json, listing, opening, say, shortened, to_json
from mapsto.data.table import Note
from mapsto.report.messages_zh import CHINESE_MESSAGES
from mapsto.report.text import Texts

NOUNS = {"count", "counted", "opening"}


def holes(template: str) -> set[tuple[str, str]]:
    return {(name, spec or "") for _, name, spec, _ in string.Formatter().parse(template) if name}


def literals(node: ast.expr) -> list[str]:
    """The texts that an argument may be; a test fails where it is none that is written there."""
    if isinstance(node, ast.IfExp):
        return literals(node.body) + literals(node.orelse)
    assert isinstance(node, ast.Constant), f"line {node.lineno}: not written out: {ast.unparse(node)}"
    assert isinstance(node.value, str)
    return [node.value]


def calls(tree: ast.AST, names: set[str]) -> list[ast.Call]:
    found = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [node for node in found if isinstance(node.func, ast.Name) and node.func.id in names]


def of_other_rooms() -> list[ast.Module]:
    """Every module that says something by `mapsto._messages`."""
    files = sorted(Path(mapsto.__file__).parent.rglob("*.py"))
    sources = [path.read_text("utf-8") for path in files if path.name != "_messages.py"]
    return [ast.parse(source) for source in sources if "from mapsto._messages import" in source]


def templates() -> set[str]:
    found = {"{names} and {more:,} more"}
    for tree in of_other_rooms():
        for call in calls(tree, {"say"}):
            found |= set(literals(call.args[0]))
            # A number with its noun that is put in is said in the other language as well.
            for noun in calls(ast.Module([ast.Expr(word.value) for word in call.keywords], []), NOUNS):
                found |= {f"{{number:,}} {word}" for word in literals(noun.args[1])}
        for call in calls(tree, {"listing"}):
            found |= set(literals(call.args[1])) if len(call.args) > 1 else {", "}
    return found


def test_all_that_is_said_has_a_chinese_form():
    said = templates()
    assert len(said) > 150
    assert sorted(said - set(CHINESE_MESSAGES)) == []


def test_no_note_and_no_finding_is_made_of_plain_text():
    """A message that is put together by hand has no template, and stays English."""
    plain = []
    for path in sorted((Path(mapsto.__file__).parent / "data").rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        given = [argument for call in calls(tree, {"Note"}) for argument in call.args[1:2]]
        if path.parent.name == "audit" or given:
            named = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
            given += [node.value for node in named if ast.unparse(node.targets[0]) in ("message", "action")]
        plain += [
            f"{path.name}:{node.lineno}" for node in given if isinstance(node, ast.JoinedStr | ast.Constant | ast.BinOp)
        ]
    assert plain == []


def test_no_chinese_form_is_left_over():
    assert sorted(set(CHINESE_MESSAGES) - templates()) == []


def test_both_forms_put_in_the_same_values():
    assert [english for english, chinese in CHINESE_MESSAGES.items() if holes(english) != holes(chinese)] == []


def test_a_message_is_its_english_text():
    message = say("{rows} of {total:,} left out ({names}).", rows=opening(1, "row"), total=1200, names=listing("ab"))
    assert message == "One row of 1,200 left out (a, b)."
    assert isinstance(message, str)
    assert (counted(0, "row"), count(1, "row"), count(2000, "row")) == ("no rows", "1 row", "2,000 rows")
    assert shortened(["a", "b", "c"], 2) == "a, b and 1 more"


def test_a_message_keeps_what_it_was_made_from_through_json():
    message = say("{values} missing ({share}).", values=count(1, "value"), share="5.0 %")
    stored = json.loads(json.dumps(to_json(message)))
    again = from_json(str(message), stored)
    assert isinstance(again, Message)
    assert to_json(again) == stored
    assert Texts("zh").told(str(message), stored) == "1 个值缺失（5.0 %）。"
    assert Texts("en").told(str(message), stored) == "1 value missing (5.0 %)."
    assert to_json("plain") is None


def test_a_note_comes_back_from_json():
    note = Note("info", say('"{name}" is put aside (`data.clean`).', name="x"), "x", details=("a",))
    stored = json.loads(json.dumps(note.to_json()))
    assert stored["message"] == '"x" is put aside (`data.clean`).'
    assert Note.from_json(stored) == note
    assert Note.from_json(stored).to_json() == note.to_json()


@pytest.mark.parametrize(
    "said",
    [
        None,
        "text",
        {"template": "not in the catalog", "values": {}},
        {"template": "{values} missing ({share}).", "values": {"share": "5 %"}},
        {"template": "{number:,} row", "values": {"number": "many"}},
        {"template": "{number:,} row"},
        {"template": ["{number:,} row"], "values": {}},
        {"template": ", ", "values": {"items": [1, 2]}},
    ],
)
def test_what_cannot_be_said_stays_english(said: object):
    assert Texts("zh").told("English.", said) == "English."


def test_messages_within_messages_do_not_grow_without_end():
    twice = "Mask values of -1 are stored as {void}. Set `data.ignore_class` to {void} if they mean void."
    said: object = "x"
    for _ in range(40):
        said = {"template": twice, "values": {"void": said}}
    assert Texts("zh").told("English.", said) == "English."
