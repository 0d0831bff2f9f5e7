"""The faults that a person can mend, as one small tree.

    MapstoError
    ├── RecipeError      a setting: unknown, out of range, or in conflict with another
    ├── DataError        the data: not there, not readable, or not fit for the task
    ├── RunError         the run folder: not writable, not a run, or another process works in it
    │   └── DiskFull     there is no space left for it
    ├── TrainingError    nothing could be trained, with the cause of every failure
    ├── ModelError       a network of the user's own: not fit for what is asked of it
    └── MissingPackage   an optional package is not installed (also an `ImportError`)

A message is one paragraph: what is wrong, where (file, row, key), and how to mend it. The command line prints
it without a traceback and ends with status 2; in Python it is an ordinary exception.
"""


class MapstoError(Exception):
    """A fault that the user can mend; its text says how."""


class RecipeError(MapstoError, ValueError):
    """A setting is unknown, out of range, or impossible beside another."""


class DataError(MapstoError, ValueError):
    """The data are not there, not readable, or not fit for the task."""


class RunError(MapstoError, RuntimeError):
    """A run folder cannot be written, is not one, or is in use."""


class DiskFull(RunError):
    """There is no space left on the disk of a run folder; all that was written before is whole."""


class TrainingError(MapstoError, RuntimeError):
    """No recipe of a study could be trained."""


class ModelError(MapstoError, ValueError):
    """A network is not fit for what is asked of it."""


class MissingPackage(MapstoError, ImportError):
    """An optional package is needed and not installed."""


def by_name(name: str, message: str) -> MapstoError:
    """The error that another process met, from its class's name and its text."""
    kinds = (RecipeError, DataError, RunError, DiskFull, TrainingError, ModelError, MissingPackage)
    return next((kind for kind in kinds if kind.__name__ == name), MapstoError)(message)
