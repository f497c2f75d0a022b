"""Leaves the public suite of SPF out where it is not, unless the peers are required."""

from __future__ import annotations

import os

from tests.peers import programs

_REASONS = programs.missing(programs.find, os.geteuid())
collect_ignore_glob = ["test_spf_suite.py"] if "spf-suite" in programs.left_out(os.environ, _REASONS) else []
