"""Where the program `invoices` begins."""

from __future__ import annotations

import gc


def start() -> None:
    """Imports without looking for garbage, as all of it stays: a sixth of the time until a command begins."""
    gc.disable()
    from cli.main import main  # noqa: PLC0415  -- see above

    gc.freeze()
    gc.enable()
    main()
