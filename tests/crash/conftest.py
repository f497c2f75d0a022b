"""What the crash tests need that a machine may lack."""

from __future__ import annotations

import os

from tests.peers import programs

_REASONS = programs.missing(programs.find, os.geteuid())
collect_ignore_glob = [programs.TEST_FILES[program] for program in programs.left_out(os.environ, _REASONS)]
