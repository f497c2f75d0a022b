"""What filters of system calls are made of, which a machine may lack."""

from __future__ import annotations

import os

from tests.peers import programs

_REASONS = programs.missing(programs.find, os.geteuid())
collect_ignore_glob = ["test_*.py"] if "seccomp" in programs.left_out(os.environ, _REASONS) else []
