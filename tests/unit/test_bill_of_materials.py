"""What the program is made of is known, and may be used as we use it."""

from __future__ import annotations

import re
from importlib import metadata
from pathlib import Path

from debian.bill_of_materials import cyclonedx, parts

ROOT = Path(__file__).parents[2]
# Permissive, or (LGPL, MPL) bound to the library itself, which we install whole and unchanged.
USABLE = {
    *("Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "MIT-CMU", "PSF-2.0", "Zlib"),
    *("LGPL-2.1-or-later", "LGPL-3.0-only", "MPL-2.0", "MPL-2.0-no-copyleft-exception"),
}


def test_every_licence_lets_us_use_it_so() -> None:
    """A package under another one, or without any, needs a decision of a person before it is locked."""
    unusable = [
        (part.name, part.licence)
        for part in parts(ROOT)
        if not part.licence or set(re.split(r" (?:AND|OR) ", part.licence)) - USABLE
    ]

    assert unusable == []


def test_the_bill_names_each_part_as_it_is_installed() -> None:
    """Whoever looks up a weakness finds the version by its purl; nothing of the developers' tools is in it."""
    found = parts(ROOT)

    bill = cyclonedx(found, "1.0")

    purls = {component["purl"] for component in bill["components"]}
    assert f"pkg:pypi/lxml@{metadata.version('lxml')}" in purls
    assert f"pkg:pypi/saxonche@{metadata.version('saxonche')}" in purls
    assert not any("pytest" in purl for purl in purls)
    assert all(part.sha256 for part in found)
    assert set(bill["dependencies"][0]["dependsOn"]) == purls
