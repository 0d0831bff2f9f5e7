"""A command line with places for settings: `python train.py --lr {lr} --seed {seed}`."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mapsto.adapters.free_space import FreeSpace, variable
from mapsto.errors import RecipeError
from mapsto.recipe.family import did_you_mean
from mapsto.recipe.faults import Fault, refuse
from mapsto.recipe.scalars import Scalar

PLACES = ("seed", "trial", "folder")
"""What a command line has places for beside its settings."""

_PIECE = re.compile(r"\{\{|\}\}|\{(?P<place>[^{}]*)\}|(?P<stray>[{}])|[^{}]+")
_BRACES = {"{{": "{", "}}": "}"}


@dataclass(frozen=True)
class Template:
    """A command line, split into words as a shell splits them; no shell runs it, so `$`, `*`, `|` and `>` mean nothing.

    `{name}` is the place of a setting, `{seed}` of the trial's seed, `{trial}` of its number, `{folder}` of its folder;
    `{{` and `}}` are braces. Where no setting has a place, the program reads them all from its environment; where one
    has, each must have one. The word with the place of a setting that has no value in a trial is left out; so is the
    option before it, where the place is the whole word (`--momentum {momentum}`).

    Example:
        >>> space = FreeSpace.from_settings(["lr=log(1e-4, 1)"])
        >>> Template.read("python train.py --lr {lr} --out={folder}", space).words({"lr": 0.01, "folder": "/tmp/7"})
        ['python', 'train.py', '--lr', '0.01', '--out=/tmp/7']

    Attributes:
        text: as the user wrote it.
        pieces: the words, each a list of texts and of places, these as one-tuples of a name.
    """

    text: str
    pieces: tuple[tuple[str | tuple[str], ...], ...]

    @classmethod
    def read(cls, text: str, space: FreeSpace) -> Template:
        """Reads a command line for a program with these settings.

        Raises:
            RecipeError: a place names no setting, a setting has no place, or it is no command line.
        """
        try:
            words = shlex.split(text)
        except ValueError as error:
            raise RecipeError(f"The command cannot be split into words ({error}): {text}") from error
        if not words:
            raise RecipeError("The command is empty. Write the program and its arguments, such as 'python train.py'.")
        template = cls(text, tuple(_pieces(word) for word in words))
        refuse(Fault(fault) for fault in template._faults(space))
        return template

    @property
    def places(self) -> set[str]:
        """The names that have places."""
        return {piece[0] for word in self.pieces for piece in word if isinstance(piece, tuple)}

    def words(self, values: Mapping[str, Scalar]) -> list[str]:
        """The words to run, with these values in their places."""
        found: list[str] = []
        for word in self.pieces:
            missing = any(isinstance(piece, tuple) and piece[0] not in values for piece in word)
            if not missing:
                found.append("".join(as_text(values[p[0]]) if isinstance(p, tuple) else p for p in word))
            elif len(word) == 1 and found and found[-1].startswith("-"):
                found.pop()
        return found

    def check_program(self, path: str | None = None) -> None:
        """Refuses a command whose program is not on this machine.

        Args:
            path: where programs are looked for; None: where the environment says.

        Raises:
            RecipeError: there is no such program.
        """
        program = self.pieces[0][0] if len(self.pieces[0]) == 1 else None
        if isinstance(program, str) and shutil.which(program, path=path) is None:
            raise RecipeError(
                f"There is no program {program} to run, or it is not executable. The command runs in {Path.cwd()}, "
                f"without a shell; a script is run by its interpreter, such as `python train.py` or `sh train.sh`."
            )

    def _faults(self, space: FreeSpace) -> list[str]:
        known = [*space.settings, *PLACES]
        faults = [
            f"The command has a place for `{name}`, which is no setting.{did_you_mean(name, known)} A brace that is "
            f"meant as such is doubled: {{{{ or }}}}."
            for name in sorted(self.places - set(known))
        ]
        if self.places & set(space.settings):
            unused = [name for name in space.settings if name not in self.places]
            faults += [
                f"The command has no place for `{name}`.{did_you_mean(name, self.places)} Write {{{name}}} where it "
                f"belongs; a command without places reads all settings from its environment."
                for name in unused
            ]
        for word in self.pieces:
            conditional = [p[0] for p in word if isinstance(p, tuple) and p[0] in space.conditional]
            mixed = sum(isinstance(piece, tuple) for piece in word) > 1 or any(
                " " in p for p in word if isinstance(p, str)
            )
            faults += [
                f"`{name}` has no value in some trials, and the whole word that holds its place is left out then. Give "
                f"it a word of its own, such as --{name}={{{name}}}."
                for name in conditional
                if mixed
            ]
        return faults


def environment(values: Mapping[str, Scalar], *, seed: int, trial: int, folder: Path, report: Path) -> dict[str, str]:
    """What a program finds in its environment: each setting by its own name, and all of them as JSON."""
    return {
        **{variable(name): as_text(value) for name, value in values.items()},
        "MAPSTO_SETTINGS": json.dumps(dict(values), ensure_ascii=False),
        "MAPSTO_TRIAL": str(trial),
        "MAPSTO_SEED": str(seed),
        "MAPSTO_FOLDER": str(folder),
        "MAPSTO_REPORT": str(report),
    }


def as_text(value: Scalar) -> str:
    """A value as a program is given it.

    Example:
        >>> as_text(0.0001), as_text(True), as_text("two words")
        ('0.0001', 'true', 'two words')
    """
    return str(value).lower() if isinstance(value, bool) else str(value)


def _pieces(word: str) -> tuple[str | tuple[str], ...]:
    found: list[str | tuple[str]] = []
    for match in _PIECE.finditer(word):
        if match["stray"]:
            raise RecipeError(f"The command has a single {match['stray']} in {word}. Double a brace that is meant so.")
        if match["place"] is not None:
            found.append((match["place"].strip(),))
        elif found and isinstance(found[-1], str):
            found[-1] += _BRACES.get(match[0], match[0])
        else:
            found.append(_BRACES.get(match[0], match[0]))
    return tuple(found) or ("",)
