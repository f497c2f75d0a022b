"""Checks of the mails that we send: that each of them can be written."""

from __future__ import annotations

from config.settings import Settings


def check_templates(settings: Settings) -> str:
    """Every template works, also those of the operator's own folder."""
    from outbound.letters import Letters  # noqa: PLC0415  -- Jinja2, which no other command has to wait for
    from outbound.trial import faults  # noqa: PLC0415  -- the same

    folder = settings.outbound.templates
    if folder is not None and not folder.is_dir():
        raise OSError(f"{folder} is no folder; name one, or leave it empty for our own templates")
    if found := faults(Letters(folder)):
        raise ValueError("; ".join(found))
    return f"those in {folder} work, and ours" if folder else "ours are used"
