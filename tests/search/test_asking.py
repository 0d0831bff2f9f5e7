"""Ask and tell, from one process and from several."""

import json
import math
import subprocess
import sys

import pytest

from mapsto.errors import RecipeError, RunError
from mapsto.recipe.seeds import derive
from mapsto.search import asking
from mapsto.search.run import JOURNAL

SPACE = ["opt=choice(sgd, adam)", "momentum=uniform(0, 0.99) if opt == sgd", "lr=log(1e-4, 1)", "epochs=3"]


@pytest.fixture
def folder(tmp_path):
    asking.create(tmp_path / "run", SPACE, metric="loss", direction="minimize", seed=5)
    return tmp_path / "run"


def loss(settings):
    return abs(math.log10(settings["lr"]) + 2) + settings.get("momentum", 1.0)


def test_the_first_trial_is_the_middle_and_carries_its_seed(folder):
    assert asking.ask(folder) == {
        "trial": 0,
        "seed": derive(5, "trial", 0),
        "settings": {"opt": "sgd", "momentum": 0.495, "lr": pytest.approx(0.01), "epochs": 3},
    }


def test_settings_without_a_value_are_not_there(folder):
    asked = [asking.ask(folder)["settings"] for _ in range(8)]
    assert {"momentum" in settings for settings in asked if settings["opt"] == "adam"} == {False}
    assert all("momentum" in settings for settings in asked if settings["opt"] == "sgd")


def test_a_study_finds_what_is_good(folder):
    for _ in range(25):
        asked = asking.ask(folder)
        asking.tell(folder, asked["trial"], loss(asked["settings"]))
    assert asking.best(folder)["value"] < 0.4
    assert len(asking.trials(folder)) == 25


def test_two_studies_with_one_seed_ask_the_same(tmp_path):
    asked = []
    for name in ("a", "b"):
        asking.create(tmp_path / name, SPACE, metric="loss", direction="minimize", seed=3)
        asked.append([])
        for _ in range(12):
            asked[-1].append(asking.ask(tmp_path / name))
            asking.tell(tmp_path / name, asked[-1][-1]["trial"], loss(asked[-1][-1]["settings"]))
    assert asked[0] == asked[1]


def test_telling_twice_changes_nothing_and_telling_something_else_is_refused(folder):
    asking.ask(folder)
    told = asking.tell(folder, 0, 0.5)
    assert asking.tell(folder, 0, {"loss": 0.5, "minutes": 3}) == told
    for value, state in [(0.6, "complete"), (None, "failed")]:
        with pytest.raises(RunError, match="Trial 0 has been told already: complete, 0.5."):
            asking.tell(folder, 0, value, state=state)  # type: ignore[arg-type]
    assert asking.best(folder)["value"] == 0.5


def test_failed_trials_are_told_with_their_cause(folder):
    asking.ask(folder)
    asking.tell(folder, 0, state="failed", cause="out of memory")
    assert [(t["state"], t["value"], t["cause"]) for t in asking.trials(folder)] == [("failed", None, "out of memory")]
    assert asking.best(folder) is None


def test_the_pruner_says_when_to_stop(tmp_path):
    folder = tmp_path / "run"
    asking.create(folder, ["x=uniform(0, 1)"], direction="maximize", pruner="median", max_fidelity=4)
    for trial in range(5):
        asking.ask(folder)
        for step in (1, 2, 3):
            assert asking.report(folder, trial, step, 0.5) is False
        asking.tell(folder, trial, 0.5)
    asking.ask(folder)
    assert asking.report(folder, 5, 1, 0.9) is False
    asking.ask(folder)
    assert asking.report(folder, 6, 1, 0.1) is True
    assert asking.tell(folder, 6, state="pruned")["value"] == 0.1
    with pytest.raises(RunError, match="Trial 6 has ended"):
        asking.report(folder, 6, 2, 0.1)


def test_a_space_without_ranges_has_one_trial(tmp_path):
    asking.create(tmp_path / "run", ["x=3"])
    assert asking.ask(tmp_path / "run")["settings"] == {"x": 3}
    with pytest.raises(RunError, match="All 1 trials of this study have been asked for"):
        asking.ask(tmp_path / "run")


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (
            lambda f: asking.tell(f, 3, 1.0),
            "There is no trial 3: 1 have been asked for. Trials that have not ended: 0.",
        ),
        (lambda f: asking.tell(f, 0), "`loss` must be a finite number. Received: None."),
        (lambda f: asking.tell(f, 0, math.nan), "`loss` must be a finite number. Received: nan."),
        (lambda f: asking.tell(f, 0, {"los": 1}), 'The value of `loss` is missing. Did you mean "los"?'),
        (lambda f: asking.tell(f, 0, 1.0, state="failed"), "A trial that is failed has no value. Received: 1.0."),
        (
            lambda f: asking.tell(f, 0, state="done"),  # type: ignore[arg-type]
            "A trial ends complete, pruned or failed. Received: 'done'.",
        ),
        (lambda f: asking.tell(f, 0, state="pruned"), "Trial 0 has reported nothing"),
        (lambda f: asking.report(f, 0, -1, 1.0), "A step is a whole number, at least 0. Received: -1."),
        (lambda f: asking.report(f, 0, 1, math.inf), "`value` must be a finite number. Received: inf."),
        (lambda f: asking.ask(f / "not"), "There is no study in"),
        (lambda f: asking.create(f, ["x=3"]), "is not empty, so no study is begun there"),
        (lambda f: asking.create(f, ["x=3"], exist_ok=True), "holds another study: its settings and metric and"),
        (lambda f: asking.create(f / "n", ["x=3"], sampler="tpee"), 'No sampler is called "tpee". Did you mean "tpe"?'),
        (
            lambda f: asking.create(f / "n", ["x=3"], direction="up"),  # type: ignore[arg-type]
            "`direction`: Input should be",
        ),
        (lambda f: asking.create(f / "n", ["x=3"], seed=-1), "`seed`: Input should be greater than"),
        (lambda f: asking.create(f / "n", ["x=3"], metric="a b"), "Received: 'a b'"),
    ],
)
def test_what_is_refused(folder, act, message):
    asking.ask(folder)
    with pytest.raises((RecipeError, RunError)) as refused:
        act(folder)
    assert message in str(refused.value)
    assert asking.trials(folder)[0]["state"] == "running"


def test_a_study_is_begun_once_however_often_it_is_created(tmp_path):
    for _ in range(2):
        asking.create(tmp_path, SPACE, exist_ok=True)
        asking.ask(tmp_path)
    assert len(asking.trials(tmp_path)) == 2


def test_half_a_line_in_the_journal_is_dropped(folder):
    asking.ask(folder)
    asking.tell(folder, 0, 0.5)
    with (folder / JOURNAL).open("ab") as journal:
        journal.write(b'{"op_code": 4, "work')
    assert asking.ask(folder)["trial"] == 1
    assert [trial["state"] for trial in asking.trials(folder)] == ["complete", "running"]


def test_a_damaged_study_is_told(folder):
    (folder / "study.json").write_text(json.dumps({"settings": ["x=3"], "metric": "loss"}))
    with pytest.raises(RunError, match=r"study.json is damaged"):
        asking.ask(folder)


def test_several_processes_share_one_study(folder):
    program = (
        "import sys\nfrom mapsto.search import asking\n"
        "for _ in range(4):\n"
        "    asked = asking.ask(sys.argv[1])\n"
        "    asking.report(sys.argv[1], asked['trial'], 1, 2.0)\n"
        "    asking.tell(sys.argv[1], asked['trial'], asked['settings']['lr'])\n"
    )
    processes = [subprocess.Popen([sys.executable, "-c", program, str(folder)]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]
    trials = asking.trials(folder)
    assert [trial["trial"] for trial in trials] == list(range(12))
    assert all(trial["value"] == trial["settings"]["lr"] for trial in trials)
    assert len({trial["seed"] for trial in trials}) == 12
