"""Runs a command in a group of processes of which none outlives whoever started this.

Run as a program, without mapsto: `python -I -S _guard.py LIFELINE WORD...`, in a session of its own. LIFELINE is the
number of an open socket. The command's status is written to it as a line; the other side then closes it. When it is
closed, also because the other side was killed, all processes of the group are killed, this one among them. A signal to
the group, such as SIGTERM, reaches the command and not the guard.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys

NOT_FOUND = 127
ASKING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


def main() -> None:
    """Starts the command and waits until it, or whoever waits for it, is gone."""
    lifeline, command = int(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(lifeline, False)
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)  # so that the end of the command wakes `select`
    for number in ASKING:
        signal.signal(number, signal.SIG_IGN)
    child = os.fork()
    if child == 0:
        become(command)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):  # the pipes end with the command
        os.dup2(nowhere, stream)
    while True:
        ready, _, _ = select.select([lifeline, woken], [], [])
        if lifeline in ready:
            os.killpg(os.getpgrp(), signal.SIGKILL)
        os.read(woken, 1024)
        ended, status = os.waitpid(child, os.WNOHANG) if child else (0, 0)
        if ended:
            child = 0
            code = os.waitstatus_to_exitcode(status)
            with contextlib.suppress(OSError):  # nobody waits any more: the lifeline says so next
                os.write(lifeline, f"{code}\n".encode())


def become(command: list[str]) -> None:
    """Turns this process into the command; the status is 127 where there is no such program, as in a shell."""
    signal.set_wakeup_fd(-1)
    for number in (*ASKING, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(NOT_FOUND)


if __name__ == "__main__":
    main()
