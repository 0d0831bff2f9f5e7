from __future__ import annotations

import resource
import shlex
import subprocess
import sys
from types import ModuleType

import pytest
from typer.main import get_command

from mapsto import __version__
from mapsto.cli.main import VERBS, app, name_of

NAMES = "tune train resume evaluate predict report ask tell audit find init show schema datasets check".split()
HEAVY = ("torch", "pandas", "sklearn", "optuna", "pydantic", "numpy", "rich")


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "mapsto", *arguments], capture_output=True, text=True, check=False)


def test_the_verbs_are_those_of_the_help(mapsto):
    lines = [line.split()[0] for line in mapsto("--help").stdout.partition("Commands:")[2].split("\n") if line.strip()]
    assert [name_of(verb) for verb in VERBS] == NAMES == lines[: len(NAMES)]


def test_alone_it_shows_its_help(mapsto):
    alone = mapsto()
    assert (alone.exit_code, alone.stdout) == (0, mapsto("--help").stdout)


def test_version(mapsto):
    assert mapsto("--version").stdout == f"mapsto {__version__}\n"


@pytest.mark.parametrize("verb", VERBS, ids=name_of)
def test_help_of_a_verb_shows_its_examples(mapsto, verb: ModuleType):
    shown = mapsto(name_of(verb), "--help")
    assert shown.exit_code == 0
    assert [line.strip() for line in shown.stdout.partition("Examples:\n")[2].strip().split("\n")] == list(
        verb.EXAMPLES
    )


@pytest.mark.parametrize("verb", VERBS, ids=name_of)
def test_every_verb_has_the_common_options(mapsto, verb: ModuleType):
    shown = mapsto(name_of(verb), "--help").stdout
    assert all(option in shown for option in ("--json", "--quiet", "--debug"))


@pytest.mark.parametrize("example", [line for verb in VERBS for line in verb.EXAMPLES])
def test_examples_use_options_that_exist(example: str):
    words = shlex.split(example.partition(" > ")[0])
    name, *arguments = words[words.index("mapsto") + 1 :]
    command = get_command(app).commands[name]  # type: ignore[attr-defined]
    context = command.make_context(name, arguments)
    assert not context.args


def test_an_unknown_verb_is_told_the_nearest(mapsto):
    wrong = mapsto("tunne", "digits")
    assert wrong.exit_code == 2
    assert "No such command 'tunne'. Did you mean 'tune'?" in wrong.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tune"], "Missing argument 'SOURCE'"),
        (["tune", "digits", "--budgt", "5s"], "No such option: --budgt"),
        (["tune", "digits", "--trials", "0"], "Invalid value for '--trials' / '-n'"),
        (["tune", "digits", "--seed", "one"], "Invalid value for '--seed'"),
        (["tune", "a.yaml", "--recipe", "b.yaml"], "a.yaml is a recipe, and --recipe names another: b.yaml."),
        (["report", "runs/x", "--language", "fr"], "'fr' is not one of 'en', 'zh'"),
        (["predict", "runs/x", "digits", "--out", "a.xlsx"], "a.xlsx has none of the endings .csv, .parquet, .json."),
    ],
)
def test_a_command_line_that_cannot_be_read_ends_with_status_2(mapsto, arguments: list[str], message: str):
    wrong = mapsto(*arguments)
    assert wrong.exit_code == 2
    assert message in wrong.stderr
    assert wrong.stdout == ""


def test_help_loads_nothing_heavy():
    program = (
        "import sys\nfrom mapsto.cli.main import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]")


@pytest.mark.parametrize("arguments", [["-m", "mapsto", "--help"], ["-c", "import mapsto"]])
def test_it_answers_within_300_milliseconds(arguments: list[str]):
    seconds = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    assert min(seconds) < 0.3  # of the processor: on the wall clock, the tests beside this one would count


def test_the_program_is_also_a_module():
    assert start("--version").stdout == f"mapsto {__version__}\n"


def test_waiting_threads_sleep(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("OMP_WAIT_POLICY")
    program = (
        "import os\nfrom mapsto.cli.main import main\nimport sys\nsys.argv = ['mapsto', '--version']\n"
        "try:\n    main()\nexcept SystemExit:\n    print(os.environ['OMP_WAIT_POLICY'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("PASSIVE\n")
