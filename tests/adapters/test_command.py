"""One trial of real programs, in Python and in sh."""

import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from mapsto.adapters import command
from mapsto.adapters.command import run_command
from mapsto.adapters.program import MAX_LOG

PYTHON = sys.executable


def script(folder: Path, text: str, name: str = "program.py") -> str:
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return f"{'sh' if name.endswith('.sh') else PYTHON} {path}"


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def is_gone(pid: int, seconds: float = 5.0) -> bool:
    """Whether a process ends soon: one that was killed takes a moment."""
    until = time.monotonic() + seconds
    while is_alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    return not is_alive(pid)


def wait_for(path: Path, seconds: float = 5.0) -> str:
    until = time.monotonic() + seconds
    while not (path.exists() and path.read_text()):
        assert time.monotonic() < until, f"{path} did not come"
        time.sleep(0.01)
    return path.read_text()


def test_settings_go_in_by_the_command_line_and_numbers_come_out(tmp_path):
    run = script(
        tmp_path,
        """
        import sys
        for epoch in range(1, 4):
            print(f"epoch={epoch} loss={float(sys.argv[1]) / epoch}")
        """,
    )
    done = run_command(f"{run} {{lr}}", {"lr": 6}, tmp_path / "trial", metric="loss")
    assert (done.state, done.points, done.values["loss"]) == ("complete", ((1, 6.0), (2, 3.0), (3, 2.0)), 2.0)
    assert (tmp_path / "trial" / "log.txt").read_text() == "epoch=1 loss=6.0\nepoch=2 loss=3.0\nepoch=3 loss=2.0\n"


def test_a_program_in_sh_reads_its_environment(tmp_path):
    run = script(
        tmp_path,
        """
        echo "lr=$MAPSTO_OPTIMIZER_LR trial=$MAPSTO_TRIAL seed=$MAPSTO_SEED flag=$MAPSTO_FLAG"
        echo "$MAPSTO_SETTINGS" > "$MAPSTO_FOLDER/given.json"
        echo '{"score": 2.5, "epoch": 7}' >> "$MAPSTO_REPORT"
        """,
        "program.sh",
    )
    settings = {"optimizer.lr": 0.01, "flag": True}
    done = run_command(run, settings, tmp_path / "trial", metric="score", seed=11, trial=3)
    assert (done.state, done.points) == ("complete", ((7, 2.5),))
    assert (tmp_path / "trial" / "log.txt").read_text() == "lr=0.01 trial=3 seed=11 flag=true\n"
    assert json.loads((tmp_path / "trial" / "given.json").read_text()) == settings


def test_a_failed_program_says_why(tmp_path):
    run = script(tmp_path, "print('loss=1', flush=True)\nraise ValueError('no such layer')")
    done = run_command(run, {}, tmp_path, metric="loss")
    assert (done.state, done.cause[:25]) == ("failed", "it ended with status 1: T")
    assert done.cause.endswith("ValueError: no such layer")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("kill -9 $$", "it was killed (SIGKILL), perhaps since the memory was full"),
        ("kill -SEGV $$", "it ended by SIGSEGV"),
        ("echo loss=nan", "its last loss was nan"),
        ("echo los=3", 'a line such as `loss=0.5` tells it. It spoke of los. Did you mean "los"?'),
        ("exit 3", "it ended with status 3"),
    ],
)
def test_how_a_program_fails(tmp_path, text: str, cause: str):
    done = run_command(script(tmp_path, text, "program.sh"), {}, tmp_path, metric="loss")
    assert done.state == "failed"
    assert done.cause.endswith(cause)


def test_a_hung_program_is_ended_at_its_limit_with_all_of_its_children(tmp_path):
    run = script(tmp_path, "echo loss=3\nsleep 100 &\necho $! > child\nsleep 100", "program.sh")
    done = run_command(f"sh -c 'cd {tmp_path} && {run}'", {}, tmp_path, metric="loss", time_limit=0.5)
    assert (done.state, done.points) == ("stopped", ((1, 3.0),))
    assert 0.5 <= done.seconds < 3
    assert is_gone(int((tmp_path / "child").read_text()))


def test_a_program_that_ignores_sigterm_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(command, "GRACE_SECONDS", 0.3)
    run = script(
        tmp_path, "import signal, time\nsignal.signal(15, signal.SIG_IGN)\nprint('x', flush=True)\ntime.sleep(99)"
    )
    done = run_command(run, {}, tmp_path, metric="loss", time_limit=0.5)
    assert (done.state, done.cause) == ("stopped", "the time was up after 0.5 s")
    assert done.seconds < 3


def test_a_pruned_program_keeps_the_points_up_to_the_decision(tmp_path):
    run = script(
        tmp_path,
        """
        for epoch in range(1, 100_000):
            print(f"epoch={epoch} loss={epoch}", flush=True)
        """,
    )
    done = run_command(run, {}, tmp_path, metric="loss", should_stop=lambda points: points[-1][0] == 3)
    assert (done.state, done.points) == ("pruned", ((1, 1.0), (2, 2.0), (3, 3.0)))


def test_a_program_that_reports_in_python_is_asked_to_stop(tmp_path):
    run = script(
        tmp_path,
        """
        import time
        from mapsto.adapters.reporting import report_values
        for epoch in range(1, 200):
            if report_values(loss=1 / epoch, epoch=epoch):
                print("came to an end by myself")
                break
            time.sleep(0.02)
        """,
    )
    done = run_command(run, {}, tmp_path, metric="loss", should_stop=lambda points: len(points) == 2)
    assert (done.state, done.points) == ("pruned", ((1, 1.0), (2, 0.5)))
    assert (tmp_path / "log.txt").read_text() == "came to an end by myself\n"


def test_a_flood_of_output_takes_neither_memory_nor_disk(tmp_path):
    run = script(
        tmp_path,
        """
        import sys
        sys.stdout.write("x" * 40_000_000)
        sys.stderr.write("y" * 1_000_000)
        print("\\nloss=0.5")
        """,
    )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    done = run_command(run, {}, tmp_path, metric="loss")
    assert (done.state, done.values) == ("complete", {"loss": 0.5})
    assert MAX_LOG < (tmp_path / "log.txt").stat().st_size < MAX_LOG + 100
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB


def test_what_a_program_leaves_behind_is_ended_and_not_waited_for(tmp_path):
    run = script(tmp_path, "sleep 100 &\necho $!> child\necho loss=1", "program.sh")
    done = run_command(f"sh -c 'cd {tmp_path} && {run}'", {}, tmp_path, metric="loss")
    assert done.state == "complete"
    assert done.seconds < 3
    assert is_gone(int((tmp_path / "child").read_text()))


def test_a_canceled_program_is_ended(tmp_path):
    cancel = threading.Event()
    threading.Timer(0.3, cancel.set).start()
    done = run_command("sleep 100", {}, tmp_path, metric="loss", cancel=cancel)
    assert (done.state, done.cause) == ("stopped", "it was canceled")


def test_no_process_outlives_a_tuner_that_is_killed(tmp_path):
    inner = script(tmp_path, "sleep 100 &\necho $$ $! > $MAPSTO_FOLDER/pids\nwait", "program.sh")
    tuner = script(
        tmp_path,
        f"""
        from pathlib import Path
        from mapsto.adapters.command import run_command
        run_command({inner!r}, {{}}, Path({str(tmp_path)!r}), metric="loss")
        """,
    )
    process = subprocess.Popen(tuner.split(), env=os.environ)
    pids = [int(pid) for pid in wait_for(tmp_path / "pids").split()]
    assert all(map(is_alive, pids))
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert all(map(is_gone, pids))
