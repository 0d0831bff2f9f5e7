"""Makes the figures of the handbook, and puts their numbers and the code that they run into its pages.

`make handbook` makes all; `python docs/.handbook/build.py NAME...` those figures or chapters alone. A claim that
does not hold ends the build. Below each picture of a page the build writes the lines that its function printed; below
`<!-- source: module.function -->` the code of that function, as it is run.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import os
import re
import sys
import time
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent
DOCS = HERE.parent
IMAGES = DOCS / "images" / "handbook"
MACHINERY = ("__init__", "build", "drawing", "figures", "runs")
"""Files here that are no chapters."""

PICTURE = re.compile(r"!\[[^\]]*\]\(\.\./\.\./images/handbook/(?P<name>\w+)\.svg\)\n")
PRINTED = re.compile(PICTURE.pattern + r"(?:\n```text\n(?P<printed>.*?)```\n)?", re.DOTALL)
SOURCE = re.compile(
    r"<!-- source: (?P<module>\w+)\.(?P<function>\w+) -->\n(?P<between>(?:<!-- no-run: [^\n]+ -->\n)?)"
    r"(?:\n?```python\n(?P<code>.*?)```\n)?",
    re.DOTALL,
)


def load(name: str) -> ModuleType:
    """A module of this folder, which is the package `handbook` while it runs."""
    if "handbook" not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            "handbook", HERE / "__init__.py", submodule_search_locations=[str(HERE)]
        )
        assert spec is not None
        assert spec.loader is not None
        package = importlib.util.module_from_spec(spec)
        sys.modules["handbook"] = package
        spec.loader.exec_module(package)
    return importlib.import_module(f"handbook.{name}")


def chapters() -> dict[str, ModuleType]:
    """The chapters that have figures, by name."""
    names = sorted(path.stem for path in HERE.glob("*.py") if path.stem not in MACHINERY)
    return {name: load(name) for name in names if load("figures").makers(load(name))}


def pages() -> list[Path]:
    """The handbook's pages in all languages."""
    return sorted(DOCS.glob("*/handbook/*.md"))


def with_source(page: str) -> str:
    """The page with the code of the functions that it names."""

    def written(found: re.Match[str]) -> str:
        code = inspect.getsource(getattr(load(found["module"]), found["function"]))
        return f"<!-- source: {found['module']}.{found['function']} -->\n{found['between']}```python\n{code}```\n"

    return SOURCE.sub(written, page)


def with_printed(page: str, printed: dict[str, tuple[str, ...]]) -> str:
    """The page with the numbers of the figures that were made; those of others stay."""

    def written(found: re.Match[str]) -> str:
        if found["name"] not in printed:
            return found[0]
        picture = found[0].split("\n", 1)[0]
        lines = "".join(f"{line}\n" for line in printed[found["name"]])
        return f"{picture}\n\n```text\n{lines}```\n" if lines else f"{picture}\n"

    return PRINTED.sub(written, page)


def main(names: list[str]) -> None:
    """Makes the named figures and chapters, all if none is named, and mends the pages."""
    import torch

    torch.set_num_threads(1)  # sums in one order, so that figures come out the same
    IMAGES.mkdir(parents=True, exist_ok=True)
    printed: dict[str, tuple[str, ...]] = {}
    for chapter, module in chapters().items():
        for maker in load("figures").makers(module):
            if names and chapter not in names and maker.name not in names:
                continue
            started = time.perf_counter()
            made = maker.make()
            (IMAGES / f"{maker.name}.svg").write_text(made.picture, encoding="utf-8")
            printed[maker.name] = made.printed
            sys.stdout.write(f"{chapter}: {maker.name} ({time.perf_counter() - started:.1f} s)\n")
            sys.stdout.write("".join(f"    {line}\n" for line in made.printed))
    if not printed:
        sys.exit(f"No figure or chapter is named so: {', '.join(names)}.")
    for path in pages():
        page = path.read_text(encoding="utf-8")
        mended = with_printed(with_source(page), printed)
        if mended != page:
            path.write_text(mended, encoding="utf-8")


if __name__ == "__main__":
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(sys.argv[1:])
