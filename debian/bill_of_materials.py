"""Prints what the program is made of, with versions and licences, as CycloneDX 1.6; `--licences` as a list for people.

What is listed is what the locks install for the program itself, the validation packages included.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from email.message import Message
from importlib import metadata
from pathlib import Path
from typing import Any, cast

sys.path.insert(0, str(Path(__file__).parents[1]))  # given as a script, too

from debian.runtime_lock import OURS, entries, runtime_names

LOCKS = ("requirements.lock", "requirements-validation.lock", "requirements-otel.lock")

# Distributions that do not say it in a way that can be read; looked up in their own files.
STATED = {
    "dkimpy": "Zlib",  # its LICENSE; its metadata says "BSD-like"
    # SaxonC-HE, the edition that asks for no key. Its wheel says nothing; the sources have MPL 2.0 at their heads, and
    # that they are "Incompatible With Secondary Licenses".
    "saxonche": "MPL-2.0-no-copyleft-exception",
}
# From the words of metadata that are no SPDX expressions.
_WORDS = {
    "apache 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd license": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "mit license": "MIT",
    "psfl": "PSF-2.0",
    "python software foundation license": "PSF-2.0",
    "gnu lesser general public license v2 or later (lgplv2+)": "LGPL-2.1-or-later",
    "gnu lesser general public license v3 (lgplv3)": "LGPL-3.0-only",
}


@dataclass(frozen=True, slots=True)
class Part:
    """A distribution that is part of the program."""

    name: str
    version: str
    licence: str  # an SPDX expression; empty where it is not known
    sha256: tuple[str, ...]  # of the files that may be installed


def parts(root: Path) -> list[Part]:
    """Every distribution, by name. Raises PackageNotFoundError for one that is locked and not installed."""
    locked = {
        name: block
        for lock in LOCKS
        for name, block in entries((root / lock).read_text(encoding="utf-8")).items()
    }
    extras = {
        name
        for lock in LOCKS[1:]
        for name in entries((root / lock).read_text(encoding="utf-8"))
        if _is_installed(name)  # not what is for other systems only
    }
    return [_part(name, locked[name]) for name in sorted(runtime_names() | extras)]


def _is_installed(name: str) -> bool:
    return bool(list(metadata.distributions(name=name)))


def _part(name: str, block: str) -> Part:
    told = cast("Message", metadata.metadata(name))
    hashes = tuple(re.findall(r"--hash=sha256:([0-9a-f]{64})", block))
    return Part(name, str(told["Version"]), _licence(name, told), hashes)


def _licence(name: str, told: Message) -> str:
    if name in STATED:
        return STATED[name]
    if told["License-Expression"]:
        return str(told["License-Expression"])
    classified = [
        one.rpartition("::")[2].strip()
        for one in told.get_all("Classifier") or []
        if one.startswith("License")
    ]
    said = [*classified, str(told["License"] or "").strip()]
    known = [_WORDS.get(words.lower(), words) for words in said if 0 < len(words) <= 60]
    return next((words for words in known if re.fullmatch(r"[\w.+-]+", words)), "")


def cyclonedx(found: list[Part], version: str) -> dict[str, Any]:
    """The bill as CycloneDX wants it; the same parts give the same bill."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {"component": {"type": "application", "name": OURS, "version": version, "bom-ref": OURS}},
        "components": [
            {
                "type": "library",
                "bom-ref": f"pkg:pypi/{part.name}@{part.version}",
                "name": part.name,
                "version": part.version,
                "purl": f"pkg:pypi/{part.name}@{part.version}",
                "licenses": [{"expression": part.licence}],
            }
            for part in found
        ],
        "dependencies": [
            {"ref": OURS, "dependsOn": [f"pkg:pypi/{part.name}@{part.version}" for part in found]}
        ],
    }


def main() -> None:
    """Prints one of the two."""
    found = parts(Path(__file__).parents[1])
    if "--licences" in sys.argv[1:]:
        for part in found:
            print(f"{part.name} {part.version}: {part.licence or 'not known'}")
        return
    print(json.dumps(cyclonedx(found, metadata.version(OURS)), indent=1))


if __name__ == "__main__":
    main()
