"""A network on a terminal: its layers as a table, then what they come to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table

UNITS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def show(console: Console, network: Mapping[str, Any]) -> None:
    """Prints what `mapsto.preview.show_model` gives."""
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("layer", overflow="fold")
    table.add_column("kind", overflow="fold")
    for name in ("output", "parameters", "multiply-adds"):
        table.add_column(name, justify="right", overflow="fold")
    for layer in network["layers"]:
        shape = "×".join(map(str, layer["shape"])) or "–"
        table.add_row(layer["name"], layer["kind"], shape, *(_count(layer[key]) for key in ("parameters", "macs")))
    console.print(Padding(table, (1, 2, 1, 2)))
    console.print(Padding("\n".join(f"{name:<19}{value}" for name, value in facts(network)), (0, 2, 1, 2)))


def facts(network: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The totals, in words."""
    memory = network["memory"]
    parts = " + ".join(f"{name} {size(count)}" for name, count in memory.items() if name != "total")
    found = [
        ("parameters", f"{network['parameters']:,}"),
        ("multiply-adds", f"{compact(network['macs'])} a row, forward"),
        ("memory of a step", f"{size(memory['total'])} at batch size {network['batch_size']:,}: {parts}"),
    ]
    if network["receptive_field"] is not None:
        high, wide = network["receptive_field"]
        found.append(("receptive field", f"{high}×{wide} pixels"))
    return found


def compact(count: float) -> str:
    """A large count in three digits.

    Example:
        >>> compact(1_814_073_344), compact(640), compact(40_551_424)
        ('1.81 G', '640', '40.6 M')
    """
    for unit, name in UNITS:
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count:.0f}"


def size(count: float) -> str:
    """An amount of memory; a kilobyte has 1,024.

    Example:
        >>> size(46_796_616), size(900)
        ('44.6 MB', '900 bytes')
    """
    for power, name in ((40, "TB"), (30, "GB"), (20, "MB"), (10, "KB")):
        if count >= 2**power:
            return f"{count / 2**power:.3g} {name}"
    return f"{count:.0f} bytes"


def _count(value: int) -> str:
    return f"{value:,}" if value else "–"
