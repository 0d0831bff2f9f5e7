"""Recipes and spaces as text: YAML, `--set` arguments and Python mappings, read with the place of every setting.

YAML is read event by event and never built by PyYAML, so that each key's line is known, nothing is executed or
expanded, and numbers follow the rules of `mapsto.recipe.scalars`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from mapsto.errors import RecipeError
from mapsto.recipe.faults import Fault
from mapsto.recipe.leaves import plain, split, write_value
from mapsto.recipe.ranges import Range
from mapsto.recipe.scalars import AUTO, Word, read_scalar, write_scalar
from mapsto.recipe.sections import AUTO_SECTIONS, FAMILIES, SECTIONS

MAX_BYTES = 2**20
"""Longest document that is read: a thousand times a recipe with every setting in it."""

MAX_DEPTH = 8
_TAB = re.compile(r"^ *\t[ \t]*\S", re.MULTILINE)


@dataclass(frozen=True)
class Node:
    """A value as it was written: a mapping or list of nodes, or a scalar, and where it stands.

    `quoted` is true where a text is surely a text: in quotes, or a Python string.
    """

    value: Any
    origin: str = ""
    quoted: bool = False


@dataclass(frozen=True)
class Entry:
    """One setting as it was written."""

    leaf: str
    value: Any
    origin: str
    quoted: bool


def read_file(path: Path) -> bytes:
    """The bytes of a recipe's file.

    Raises:
        RecipeError: it is not there, cannot be read, or is too large to be a recipe.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise RecipeError(f"There is no recipe {path}. Write one with `mapsto init`, or check the name.") from error
    except OSError as error:
        raise RecipeError(f"The recipe {path} cannot be read: {error.strerror}.") from error


def read_foreign(text: bytes, where: str) -> dict[Any, Any]:
    """The mapping in a YAML document of another program's.

    Raises:
        RecipeError: it is not YAML, no mapping, or has aliases, by which a short document can grow without end.
    """
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=yaml.SafeLoader)):
            raise RecipeError(f"{where} has aliases (`*name`), which are not read. Write the values out.")
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"{where} is not YAML: {' '.join(str(error).split())}.") from error
    if not isinstance(found, dict):
        raise RecipeError(f"{where} must hold a mapping. Received: {type(found).__name__}.")
    return found


def read_yaml(text: str | bytes, where: str) -> tuple[list[Entry], list[Fault]]:
    """Settings in a YAML document, and what is wrong with how they are written.

    Args:
        text: the document; bytes must be UTF-8.
        where: what messages call it, such as the file's name.

    Raises:
        RecipeError: it is not YAML, or of a kind that a recipe has no use for (anchors, tags, several documents).
    """
    decoded = _decoded(text, where)
    reader = _Reader(yaml.parse(decoded, Loader=yaml.SafeLoader), where)
    try:
        root = reader.document()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = "" if mark is None else f", line {mark.line + 1}"
        problem = getattr(error, "problem", None) or "it holds a character that YAML does not allow"
        raise RecipeError(
            f"{where}{line}: this is not YAML: {problem}. A setting is written `name: value`; a text with `: ` or "
            f"` #` in it stands in quotes."
        ) from error
    if root is None:
        return [], []
    if not isinstance(root.value, dict):
        raise RecipeError(f"{where}: a recipe is a mapping of sections, such as `optimizer:`. Received: {_kind(root)}.")
    entries, faults = flatten(root.value.items())
    return entries, [*reader.faults, *faults]


def read_settings(settings: Iterable[str]) -> tuple[list[Entry], list[Fault]]:
    """Settings of the form `optimizer.learning_rate=log(1e-4, 1e-1)`; of one that is given twice, the last counts."""
    entries: dict[str, Entry] = {}
    faults: list[Fault] = []
    for setting in settings:
        key, equals, text = setting.partition("=")
        if not equals:
            faults.append(Fault(f"A setting is written `name=value`. Received: {setting!r}.", "--set"))
            continue
        try:
            node = _setting_node(text.strip(), f"--set {key.strip()}")
        except RecipeError as error:
            faults.append(Fault(str(error)))
            continue
        found, wrong = flatten([(key.strip(), node)])
        entries |= {entry.leaf: _joined(entries.get(entry.leaf), entry) for entry in found}
        faults += wrong
    return list(entries.values()), faults


def _joined(earlier: Entry | None, entry: Entry) -> Entry:
    """The later of two entries for one setting; mappings (`data.columns.age=...`, then `.zip=...`) are joined."""
    if earlier is None or not (isinstance(earlier.value, dict) and isinstance(entry.value, dict)):
        return entry
    return replace(entry, value={**earlier.value, **entry.value})


def read_mapping(mapping: Mapping[str, Any]) -> tuple[list[Entry], list[Fault]]:
    """Settings in a Python mapping, nested or with dotted names, or both."""
    return flatten((str(key), _python_node(value)) for key, value in mapping.items())


def flatten(pairs: Iterable[tuple[str, Node]]) -> tuple[list[Entry], list[Fault]]:
    """Sections to settings: `optimizer: {name: sgd}`, its short form `optimizer: sgd` and `optimizer.name: sgd`."""
    entries: dict[str, Entry] = {}
    faults: list[Fault] = []
    settings = [setting for key, node in pairs for setting in _settings_in(key, node, faults)]
    for leaf, node in settings:
        value = _python(node)
        if leaf.startswith("data.columns."):
            leaf, value = "data.columns", {leaf.removeprefix("data.columns."): value}
        earlier = entries.get(leaf)
        if earlier is not None and isinstance(earlier.value, dict) and isinstance(value, dict):
            value = {**earlier.value, **value}
        elif earlier is not None:
            before = f" (before: {earlier.origin})" if earlier.origin else ""
            faults.append(Fault(f"`{leaf}` is given twice{before}. Keep one.", node.origin))
        entries[leaf] = Entry(leaf, value, node.origin, node.quoted)
    return list(entries.values()), faults


def write_yaml(leaves: Mapping[str, Any], comments: Mapping[str, str] | None = None) -> str:
    """Settings as YAML, a section a block, each setting on one line with its comment, if it has one."""
    lines: list[str] = []
    section = ""
    for leaf, value in leaves.items():
        if split(leaf)[0] != section:
            section = split(leaf)[0]
            lines += ([""] if lines and comments else []) + ([] if section == leaf else [f"{section}:"])
        indent = "" if leaf == section else "  "
        comment = (comments or {}).get(leaf, "")
        line = f"{indent}{split(leaf)[1]}: {write_value(value)}"
        lines.append(f"{line:<39} # {comment}" if comment else line)
    return "".join(f"{line}\n" for line in lines)


def write_settings(leaves: Mapping[str, Any]) -> list[str]:
    """Settings as `--set` arguments."""
    return [f"{leaf}={write_value(value)}" for leaf, value in leaves.items()]


class _Reader:
    """One YAML document, from PyYAML's events to nodes with their lines."""

    def __init__(self, events: Iterator[Any], where: str) -> None:
        self.events = events
        self.where = where
        self.faults: list[Fault] = []

    def document(self) -> Node | None:
        """The only document's root, or None where there is none."""
        next(self.events)  # the start of the stream
        if isinstance(next(self.events), yaml.StreamEndEvent):
            return None
        root = self.node(next(self.events), 0)
        next(self.events)  # the end of the document
        following = next(self.events)
        if not isinstance(following, yaml.StreamEndEvent):
            raise RecipeError(f"{self.at(following)}: a recipe is one document; a second begins here. Remove it.")
        return None if root.value is None else root

    def node(self, event: Any, depth: int) -> Node:
        self.refuse_what_no_recipe_needs(event, depth)
        if isinstance(event, yaml.ScalarEvent):
            quoted = event.style is not None
            return Node(event.value if quoted else read_scalar(event.value), self.at(event), quoted)
        if isinstance(event, yaml.SequenceStartEvent):
            return Node([self.node(item, depth + 1) for item in self.until(yaml.SequenceEndEvent)], self.at(event))
        return Node(self.mapping(depth), self.at(event))

    def mapping(self, depth: int) -> dict[str, Node]:
        found: dict[str, Node] = {}
        for event in self.until(yaml.MappingEndEvent):
            self.refuse_what_no_recipe_needs(event, depth)
            if not isinstance(event, yaml.ScalarEvent):
                raise RecipeError(f"{self.at(event)}: the name of a setting is a text, not a mapping or a list.")
            value = self.node(next(self.events), depth + 1)
            if event.value in found:
                text = f"`{event.value}` is given twice (before: {found[event.value].origin}). Keep one."
                self.faults.append(Fault(text, self.at(event)))
            found[event.value] = Node(value.value, self.at(event), value.quoted)
        return found

    def until(self, end: type[Any]) -> Iterator[Any]:
        """The events up to one of the given kind; who takes one also takes all that belongs to it."""
        while not isinstance(event := next(self.events), end):
            yield event

    def at(self, event: Any) -> str:
        return f"{self.where}, line {event.start_mark.line + 1}"

    def refuse_what_no_recipe_needs(self, event: Any, depth: int) -> None:
        at = self.at(event)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            mark = "*" if isinstance(event, yaml.AliasEvent) else "&"
            raise RecipeError(
                f"{at}: a recipe has no anchors or aliases. Write the value out in place of `{mark}{event.anchor}`; a "
                f"text that begins so stands in quotes."
            )
        if getattr(event, "tag", None) is not None:
            raise RecipeError(f"{at}: a recipe has no tags. Remove `{event.tag}`; a text that begins so is quoted.")
        if depth > MAX_DEPTH:
            raise RecipeError(f"{at}: a recipe is at most {MAX_DEPTH} levels deep. Received more.")


def _decoded(text: str | bytes, where: str) -> str:
    if len(text) > MAX_BYTES:
        raise RecipeError(f"{where} is longer than 1 MiB, so it is not a recipe. Check that it is the file you mean.")
    if isinstance(text, bytes):
        try:
            text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = error.object[: error.start].count(b"\n") + 1
            raise RecipeError(f"{where}, line {line}: this is not UTF-8 text. Save it as UTF-8.") from error
    tab = _TAB.search(text)
    if tab is not None:
        line = text[: tab.start()].count("\n") + 1
        raise RecipeError(f"{where}, line {line}: this line is indented with a tab, and YAML allows only spaces.")
    return text


def _setting_node(text: str, origin: str) -> Node:
    """The value of a `--set`: in YAML's flow style where it begins like that, else one unquoted scalar."""
    if not text.startswith(("[", "{", '"', "'")):
        return Node(read_scalar(text), origin)
    try:
        reader = _Reader(yaml.parse(text, Loader=yaml.SafeLoader), origin)
        node = reader.document()
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "it holds a character that YAML does not allow"
        raise RecipeError(f"{origin}: {text} is not a value in YAML: {problem}.") from error
    return Node(None if node is None else node.value, origin, node is not None and node.quoted)


def _python_node(value: Any) -> Node:
    if isinstance(value, Mapping):
        return Node({str(key): _python_node(item) for key, item in value.items()})
    value = plain(value)
    return Node(value, quoted=isinstance(value, str) and not isinstance(value, Word))


def _python(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {key: _python(item) for key, item in node.value.items()}
    if isinstance(node.value, list):
        return [_python(item) if isinstance(item, Node) else item for item in node.value]
    return node.value


def _settings_in(key: str, node: Node, faults: list[Fault]) -> Iterator[tuple[str, Node]]:
    """The settings under one key of the outermost mapping, by dotted name."""
    if key not in SECTIONS or key == "seed":
        yield key, node
    elif isinstance(node.value, dict):
        yield from ((f"{key}.{field}", value) for field, value in node.value.items())
    elif key in FAMILIES and isinstance(node.value, str | Range):
        yield f"{key}.name", node
    elif key in AUTO_SECTIONS and node.value == AUTO:
        yield AUTO_SECTIONS[key], replace(node, value=True)
    elif node.value is not None:
        text = f"`{key}` is a section: a mapping of settings. Received: {_kind(node)}."
        faults.append(Fault(text, node.origin))


def _kind(node: Node) -> str:
    if isinstance(node.value, list):
        return "a list"
    return write_value(node.value) if isinstance(node.value, Range) else write_scalar(node.value)
