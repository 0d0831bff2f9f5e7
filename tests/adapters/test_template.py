import pytest

from mapsto.adapters.free_space import FreeSpace
from mapsto.adapters.template import Template
from mapsto.errors import RecipeError

SPACE = FreeSpace.from_settings(["opt=choice(sgd, adam)", "momentum=uniform(0, 1) if opt == sgd", "lr=log(1e-4, 1)"])
ALL = "{opt} {momentum} {lr}"


def test_values_stand_in_their_places_and_cannot_break_out_of_them():
    space = FreeSpace.from_settings(["x=choice(a, b)", "y=1.0"])
    words = Template.read("prog 'two words' --x={x} {y} '{{x}}' {seed}/{trial} {folder}", space).words(
        {"x": "a; rm -rf $HOME", "y": True, "seed": 5, "trial": 7, "folder": "/a b"}
    )
    assert words == ["prog", "two words", "--x=a; rm -rf $HOME", "true", "{x}", "5/7", "/a b"]


def test_what_has_no_value_is_left_out_with_its_option():
    template = Template.read("p --opt {opt} --momentum {momentum} --lr {lr}", SPACE)
    assert template.words({"opt": "adam", "lr": 0.1}) == ["p", "--opt", "adam", "--lr", "0.1"]
    template = Template.read("p opt={opt} momentum={momentum} lr={lr}", SPACE)
    assert template.words({"opt": "adam", "lr": 0.1}) == ["p", "opt=adam", "lr=0.1"]


def test_a_command_without_places_needs_none():
    assert Template.read("p", SPACE).words({"opt": "adam", "lr": 0.1}) == ["p"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (f"p {ALL} {{lrr}}", 'The command has a place for `lrr`, which is no setting. Did you mean "lr"?'),
        ("p {opt} {momentum}", "The command has no place for `lr`."),
        (f"p {ALL} awk '{{'", "The command has a single { in {."),
        ("p 'x", "cannot be split into words (No closing quotation)"),
        ("", "The command is empty."),
        ("sh -c 'p {opt} {momentum}' {lr}", "`momentum` has no value in some trials"),
    ],
)
def test_what_is_refused(command: str, message: str):
    with pytest.raises(RecipeError) as refused:
        Template.read(command, SPACE)
    assert message in str(refused.value)


def test_a_program_that_is_not_there_is_refused():
    with pytest.raises(RecipeError, match="There is no program trian.py to run, or it is not executable"):
        Template.read("trian.py", SPACE).check_program()
    Template.read("{opt} {momentum} {lr}", SPACE).check_program()  # only a trial knows which it is
