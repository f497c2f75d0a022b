"""The key that registration links are made from; it is kept outside the database."""

from __future__ import annotations

from config.key_file import SHORTEST, kept_key
from config.settings import Settings


def link_key(settings: Settings) -> bytes:
    """The set key, else that of {data_dir}/link.key, which is made at first use, readable by its owner only.

    Raises OSError when the file cannot be read or made, ValueError for a key that is damaged or too short.
    """
    if configured := settings.registration.link_key.get_secret_value():
        if len(configured) < SHORTEST:
            raise ValueError(f"registration.link_key is too short: at least {SHORTEST} characters are needed")
        return configured.encode()
    file = settings.data_dir / "link.key"
    return kept_key(
        file,
        "without it new links can be made after removing the file, but those sent cannot be shown again",
    )
