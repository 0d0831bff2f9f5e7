"""The documentation does what it says: its code runs, and its links lead somewhere.

The blocks of a page run in order, in one empty folder, and its Python blocks share their names, as for a reader
who follows it:

- `python` is executed;
- `console` runs what follows `$ `, `bash` and `sh` run as they are; each must end with status 0;
- `yaml title="recipe.yaml"` (any language with a title) is written to a file of that name, for later blocks to use.

`<!-- no-run: reason -->` on the line above leaves a block out.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^(?P<indent> *)(?P<ticks>`{3,})(?P<language>[\w+-]*)(?P<rest>[^`]*)$")
NO_RUN = re.compile(r"^\s*<!-- no-run: (?P<reason>.+) -->$")
TITLE = re.compile(r'title="(?P<title>[^"]+)"')
LINK = re.compile(r"(?<!`)\[[^\]]*\]\((?P<target>[^)\s]+)\)")


@dataclass(frozen=True)
class Block:
    """A fenced block of code; `line` is the number of its first line of code."""

    language: str
    title: str | None
    code: str
    line: int
    skipped: bool


def blocks(text: str) -> Iterator[Block]:
    """Finds the fenced blocks of a page, also those indented in a list."""
    lines = text.split("\n")
    number = 0
    while number < len(lines):
        opening = FENCE.match(lines[number])
        number += 1
        if opening is None:
            continue
        start, indent = number, len(opening["indent"])
        while number < len(lines) and lines[number].strip() != opening["ticks"]:
            number += 1
        if number == len(lines):
            raise ValueError(f"the block that begins in line {start} has no end")
        title = TITLE.search(opening["rest"])
        above = lines[start - 2] if start > 1 else ""
        code = "\n".join(line[indent:] for line in lines[start:number]) + "\n"
        yield Block(opening["language"], title and title["title"], code, start + 1, NO_RUN.match(above) is not None)
        number += 1


def shell(script: str, folder: Path, where: str) -> None:
    """Runs a script with the commands of this environment; a failure shows what it printed."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, "PATH": path, "COLUMNS": "120", "TERM": "dumb"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=170,
        check=False,
    )
    assert done.returncode == 0, f"{where}: status {done.returncode}\n{script}\n{done.stdout}"


def commands(session: str) -> str:
    """The commands of a console session: what follows `$ `, with lines continued by a backslash."""
    found, continued = [], False
    for line in session.split("\n"):
        if continued or line.startswith("$ "):
            found.append(line if continued else line.removeprefix("$ "))
            continued = line.endswith("\\")
    return "\n".join(found)


def run(block: Block, page: Path, folder: Path, names: dict[str, Any]) -> None:
    """Runs one block of a page in the page's folder."""
    where = f"{page.name}:{block.line}"
    if block.title is not None:
        (folder / block.title).write_text(block.code, encoding="utf-8")
    elif block.language == "python":
        # Blank lines before the code make a traceback name the page's own line.
        exec(compile("\n" * (block.line - 1) + block.code, str(page), "exec", dont_inherit=True), names)
    elif block.language == "console":
        shell(commands(block.code), folder, where)
    elif block.language in ("bash", "sh"):
        shell(block.code, folder, where)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_code_runs(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(page.read_text(encoding="utf-8")):
        if not block.skipped:
            run(block, page, tmp_path, names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = [match["target"].split("#")[0] for match in LINK.finditer(page.read_text(encoding="utf-8"))]
    local = [target for target in targets if target and "://" not in target and not target.startswith("mailto:")]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_every_page_is_in_the_navigation() -> None:
    navigation = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    assert [page for page in pages if f'"{page}"' not in navigation] == []


def test_both_languages_have_the_same_pages() -> None:
    names = {language: {path.name for path in (ROOT / "docs" / language).rglob("*.md")} for language in ("en", "zh")}
    assert names["en"] == names["zh"]


PAGE = """\
# Page

1. In a list:

   ```python
   x = 1
   ```

<!-- no-run: needs a cluster -->
```bash
exit 3
```

```console
$ cat recipe.yaml \\
    | head -1
name: digits
$ false
```

```yaml title="recipe.yaml"
name: digits
```
"""


def test_blocks_are_found_as_written() -> None:
    python, skipped, console, file = blocks(PAGE)
    assert (python.language, python.code, python.line, python.skipped) == ("python", "x = 1\n", 6, False)
    assert skipped.skipped
    assert commands(console.code) == "cat recipe.yaml \\\n    | head -1\nfalse"
    assert (file.title, file.code) == ("recipe.yaml", "name: digits\n")


def test_a_failing_block_fails_the_page(tmp_path: Path) -> None:
    *_, console, file = blocks(PAGE)
    run(file, Path("page.md"), tmp_path, {})
    with pytest.raises(AssertionError, match=r"page\.md:15: status 1"):
        run(console, Path("page.md"), tmp_path, {})


def test_a_traceback_names_the_line_of_the_page(tmp_path: Path) -> None:
    block = Block("python", None, "x = 1\nx / 0\n", 41, skipped=False)
    with pytest.raises(ZeroDivisionError) as caught:
        run(block, Path("page.md"), tmp_path, {})
    last = caught.traceback[-1]
    assert (str(last.path), last.lineno + 1) == ("page.md", 42)


def test_a_block_without_an_end_is_refused() -> None:
    with pytest.raises(ValueError, match="begins in line 1 has no end"):
        list(blocks("```python\nx = 1\n"))
