"""The names under which processes claim rows for a while, and whether a process of this machine is still there."""

from __future__ import annotations

import os
import secrets
import socket


def new_claimant() -> str:
    """A name for a worker, a sender or a caller of this process: machine, process, and what tells it from the next."""
    return f"{socket.gethostname()}/{os.getpid()}/{secrets.token_hex(4)}"


def is_dead(claimant: str) -> bool:
    """Whether its process is gone; False for one of another machine, whose lease will tell."""
    host, _, rest = claimant.partition("/")
    pid = int(rest.partition("/")[0])
    if host != socket.gethostname():
        return False
    if pid == os.getpid():
        return True  # an earlier process had our number
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
