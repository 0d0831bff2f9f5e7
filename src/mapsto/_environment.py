"""What a run ran on: versions and hardware, for the record."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import Any

from mapsto._imports import torch

PACKAGES = ("mapsto", "torch", "numpy", "scipy", "pandas", "scikit-learn", "optuna", "safetensors", "pydantic")


def versions() -> dict[str, str]:
    """Installed versions of what results depend on; packages that are missing are left out."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def describe() -> dict[str, Any]:
    """Versions, processor, memory, threads and accelerator, as JSON holds them."""
    accelerator = torch.cuda.get_device_name(0) if torch.cuda.is_available() else None
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(memory_bytes() / 2**30, 1),
        "threads": torch.get_num_threads(),
        "accelerator": accelerator,
        "packages": versions(),
    }


def processor() -> str:
    """The processor's name, as the system tells it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def memory_bytes() -> int:
    """Physical memory of the machine in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def free_disk_bytes(folder: Path) -> int:
    """Free space in bytes where `folder` lies."""
    return shutil.disk_usage(folder).free


def check() -> list[dict[str, Any]]:
    """Looks at what mapsto needs: one row a check, `ok` or with advice."""
    rows = [
        _row("Python 3.11 or newer", sys.version_info >= (3, 11), platform.python_version(), "Install Python 3.11.")
    ]
    installed = versions()
    rows += [_row(p, p in installed, installed.get(p, "missing"), f"pip install {p}") for p in PACKAGES]
    rows.append(_torch_row())
    tensorboard = importlib.util.find_spec("tensorboard") is not None
    rows.append(
        _row("TensorBoard (optional)", True, "yes" if tensorboard else "no: pip install 'mapsto[tracking]'", "")
    )
    passive = os.environ.get("OMP_WAIT_POLICY", "").upper() == "PASSIVE"
    rows.append(
        _row("OMP_WAIT_POLICY", passive, os.environ.get("OMP_WAIT_POLICY", "not set"),
             "export OMP_WAIT_POLICY=PASSIVE: spinning threads are many times slower beside other programs.")
    )  # fmt: skip
    memory, disk = memory_bytes() / 2**30, free_disk_bytes(Path.cwd()) / 2**30
    rows.append(_row("memory", memory >= 2, f"{memory:.1f} GB", "At least 2 GB are needed."))
    rows.append(_row("free disk here", disk >= 1, f"{disk:.1f} GB", "Free at least 1 GB, or work elsewhere."))
    rows.append(_row("this folder can be written", os.access(".", os.W_OK), str(Path.cwd()), "Work in another folder."))
    return rows


def _row(name: str, ok: bool, found: str, advice: str) -> dict[str, Any]:
    return {"name": name, "ok": ok, "found": found, "advice": "" if ok else advice}


def _torch_row() -> dict[str, Any]:
    """Whether torch computes a gradient and takes a fused step here, and on what."""
    try:
        weight = torch.nn.Parameter(torch.ones(4))
        optimizer = torch.optim.Adam([weight], fused=True)
        (weight * 2).sum().backward()
        optimizer.step()
    except (ImportError, RuntimeError, OSError) as error:
        return _row("torch trains", False, str(error)[:200], "Install torch again: pip install --force-reinstall torch")
    device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "cpu"
    return _row("torch trains", True, f"{device}, {torch.get_num_threads()} threads", "")
