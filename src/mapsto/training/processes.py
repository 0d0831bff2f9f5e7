"""Several processes that share the work of a step, each on a device of its own.

Hugging Face Accelerate connects them, and not Lightning Fabric: Fabric comes with a package that brings a trainer and a
loop of its own, two of whose releases carried malicious code in 2026; Accelerate is small, and what it needs is here
already.

This process keeps the weights, the optimizer, the averages and every random number. In each step it sends the weights
and a piece of the batch to its helpers, and adds their gradients to its own. So everything else of a training (bounds,
averages, checkpoints) is the same as in one process, and so is the result, up to the rounding of sums. Where dropout
draws, each process draws its own numbers, from a seed that this one sends; batch normalization sees the pieces one by
one.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mapsto._imports import require, torch
from mapsto.errors import RecipeError, TrainingError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from mapsto.recipe.schema import Recipe
    from mapsto.training.step import Step

Batch = dict[str, "Tensor"]

END_SECONDS = 5.0
"""How long a helper may take to end by itself."""

READY = "ready\n"


class Processes:
    """This process and its helpers, which live while `running`.

    Args:
        recipe: of the training, `training.num_processes` above 1.
        folder: of the prepared data.
        device: of this process; helpers on GPUs take the following ones.

    Raises:
        RecipeError: there are fewer GPUs than processes.
        MissingPackage: Accelerate is not installed.
    """

    def __init__(self, recipe: Recipe, folder: Path, device: str) -> None:
        self.recipe, self.folder, self.device = recipe, folder, device
        self.count = recipe.training.num_processes
        self.connected = False
        self._helpers: list[subprocess.Popen[str]] = []
        require("accelerate", extra="distributed", purpose="`training.num_processes` above 1")
        if device != "cpu" and torch.get_device_module(device).device_count() < self.count:
            raise RecipeError(
                f"`training.num_processes: {self.count}` needs a device for each process, and there are "
                f"{torch.get_device_module(device).device_count()}. Take fewer, or `training.device: cpu`."
            )

    @contextmanager
    def running(self) -> Iterator[None]:
        """Inside, the helpers are there; afterwards they have ended, whatever happened.

        Raises:
            RecipeError: this process belongs to a group of processes already.
            TrainingError: one of the helpers failed.
        """
        if torch.distributed.is_initialized():
            raise RecipeError(
                "`training.num_processes` starts processes of its own, and this one belongs to a group already. Set it "
                "to 1, or start mapsto without a launcher such as torchrun."
            )
        port, threads = _free_port(), torch.get_num_threads()
        try:
            for rank in range(1, self.count):
                self._helpers.append(_start(self._asked(rank, port)))
            for helper in self._helpers:
                if helper.stdout is None or helper.stdout.readline() != READY:
                    raise self._fault(helper)
            with _connected(0, self.count, port, self.device):
                self.connected = True
                try:
                    yield
                except RuntimeError as error:  # before the connection is closed, which ends the others too
                    raise self._explained(error) from error
                self._send([None] * self.count)
        finally:
            self.connected = False
            self._end()
            torch.set_num_threads(threads)

    def backward(self, step: Step, batch: Batch) -> Tensor:
        """Adds the gradients of the batch's mean loss to the weights' own, as `Step` does alone; returns the loss."""
        common = {
            "epoch": step.epoch,
            "seed": int(torch.randint(2**62, ())),
            "precision": {name: value.item() for name, value in step.precision.state().items()},
        }
        pieces = [(piece, float(share)) for piece, share in step.shared(batch, self.count)]
        pieces += [(pieces[0][0], 0.0)] * (self.count - len(pieces))  # of a small batch, not all have rows
        self._send(
            [
                {**common, "share": share, "piece": {name: tensor.cpu() for name, tensor in piece.items()}}
                for piece, share in pieces
            ]
        )
        torch.distributed.broadcast(_flat(_state(step.network)), src=0)
        return _summed(step.network, step.backward(*pieces[0]))

    def _send(self, messages: list[Any]) -> None:
        torch.distributed.scatter_object_list([None], messages, src=0)

    def _asked(self, rank: int, port: int) -> dict[str, Any]:
        return {
            "leaves": self.recipe.leaves(),
            "folder": str(self.folder),
            "rank": rank,
            "count": self.count,
            "port": port,
            "device": self.device,
            "threads": torch.get_num_threads(),
        }

    def _explained(self, error: RuntimeError) -> Exception:
        """The fault of a helper that has ended, if one has; otherwise the error itself."""
        time.sleep(0.5)  # the connection breaks a little before its process has ended
        return next((self._fault(helper) for helper in self._helpers if helper.poll() is not None), error)

    def _fault(self, helper: subprocess.Popen[str]) -> TrainingError:
        code = helper.wait()
        said = "" if helper.stderr is None else helper.stderr.read().strip()
        cause = said.splitlines()[-1] if said else f"it was ended with {code}"
        return TrainingError(f"One of the {self.count} processes of `training.num_processes` failed: {cause}.")

    def _end(self) -> None:
        for helper in self._helpers:
            if helper.stdin is not None:
                helper.stdin.close()  # which ends it
        for helper in self._helpers:
            try:
                helper.wait(timeout=END_SECONDS)
            except subprocess.TimeoutExpired:
                helper.kill()
                helper.wait()
            for stream in (helper.stdout, helper.stderr):
                if stream is not None:
                    stream.close()
        self._helpers = []


def _start(asked: dict[str, Any]) -> subprocess.Popen[str]:
    pipe = subprocess.PIPE
    helper = subprocess.Popen(
        [sys.executable, "-m", "mapsto.training.processes"], stdin=pipe, stdout=pipe, stderr=pipe, text=True
    )
    if helper.stdin is not None:
        helper.stdin.write(json.dumps(asked) + "\n")
        helper.stdin.flush()
    return helper


@contextmanager
def _connected(rank: int, count: int, port: int, device: str) -> Iterator[None]:
    from accelerate import PartialState
    from accelerate.utils import patch_environment

    places = {"rank": rank, "local_rank": rank, "world_size": count, "local_world_size": count}
    with patch_environment(
        **places, master_addr="127.0.0.1", master_port=port, omp_num_threads=torch.get_num_threads()
    ):
        state = PartialState(cpu=device == "cpu")
        try:
            yield
        finally:
            state.destroy_process_group()
            PartialState._reset_state()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _state(network: nn.Module) -> list[Tensor]:
    return [tensor for tensor in network.state_dict().values() if tensor.is_floating_point()]


def _flat(tensors: list[Tensor]) -> Tensor:
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


def _summed(network: nn.Module, loss: Tensor) -> Tensor:
    """Sets the gradients to their sum over all processes; returns the sum of the losses."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    own = [torch.zeros_like(p) if p.grad is None else p.grad for p in trained]
    whole = torch.cat([_flat(own), loss.view(1)])
    torch.distributed.all_reduce(whole)
    sizes = [parameter.numel() for parameter in trained]
    for parameter, total in zip(trained, whole[:-1].split(sizes), strict=True):
        if parameter.grad is not None:
            parameter.grad.copy_(total.view_as(parameter))
    return whole[-1]


def _help(asked: dict[str, Any]) -> None:
    """What a helper does: gradients of pieces, until it is told that there are no more."""
    from mapsto.data.prepared import load_prepared
    from mapsto.recipe.schema import Recipe
    from mapsto.training.loop import build_step

    torch.set_num_threads(asked["threads"])
    device = asked["device"] if asked["device"] == "cpu" else f"{asked['device']}:{asked['rank']}"
    recipe = Recipe.from_leaves({**asked["leaves"], "training.num_processes": 1})
    step = build_step(recipe, load_prepared(Path(asked["folder"])), device)
    step.begin(0)
    sys.stdout.write(READY)
    sys.stdout.flush()
    with _connected(asked["rank"], asked["count"], asked["port"], asked["device"]):
        while True:
            received: list[Any] = [None]
            torch.distributed.scatter_object_list(received, None, src=0)
            if received[0] is None:
                return
            _answer(step, received[0], asked["rank"])


def _answer(step: Step, message: dict[str, Any], rank: int) -> None:
    weights = _state(step.network)
    whole = _flat(weights)
    torch.distributed.broadcast(whole, src=0)
    for tensor, values in zip(weights, whole.split([tensor.numel() for tensor in weights]), strict=True):
        tensor.copy_(values.view_as(tensor))
    if step.epoch != message["epoch"]:
        step.begin(message["epoch"])
    step.precision.restore({name: torch.tensor(value) for name, value in message["precision"].items()})
    torch.manual_seed(message["seed"] + rank)
    piece = {name: tensor.to(step.device) for name, tensor in message["piece"].items()}
    step.forget()
    _summed(step.network, step.backward(piece, message["share"]))


def _main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that started this one decides
    asked = json.loads(sys.stdin.readline())

    def watch() -> None:
        sys.stdin.read()  # comes back when the other process closes it, or is no more
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
    code = 1
    try:
        _help(asked)
        code = 0
    except BaseException:
        traceback.print_exc()
        raise
    finally:  # at once: the thread that watches would keep the interpreter from ending in order
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _main()
