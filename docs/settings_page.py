"""Prints docs/settings.md: every setting with its default, what it may be, and its other names, from the code alone."""

from __future__ import annotations

import re
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import annotated_types
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from config.settings import Section, Settings

HEAD = """# Settings

Every setting there is. This page is made from the code, by `python docs/settings_page.py > docs/settings.md`;
[operating.md](operating.md) tells what to do with them.

A setting stands in the TOML file that `--config` or `INVOICES_CONFIG` names, or in the environment under the second
name, which goes first. A secret may also be a file of the folder that systemd names in `CREDENTIALS_DIRECTORY`
(`/etc/invoices/credentials`), called as the setting, such as `outbound.password`. `invoices check-config` names
every wrong one at once.
"""
_LINE = re.compile(r"^(?P<key>\w+) = (?P<default>.+?)\s+# (?P<meaning>.+)$")


def page() -> str:
    """The whole page."""
    lines = [HEAD]
    told = _told()
    lines.append(_table([("data_dir", Settings.model_fields["data_dir"])], "", told))
    for name, field in Settings.model_fields.items():
        section = field.annotation
        if isinstance(section, type) and issubclass(section, Section):
            about = (section.__doc__ or "").partition(":")[2].strip()
            lines.append(f"\n## {name}\n\n{about[0].upper()}{about[1:]}\n")
            lines.append(_table(list(section.model_fields.items()), f"{name}.", told))
    return "\n".join(lines) + "\n"


def _told() -> dict[str, tuple[str, str]]:
    """Default and meaning of each setting, by its dotted name, as defaults.toml has them."""
    found: dict[str, tuple[str, str]] = {}
    section = ""
    for line in files("config").joinpath("defaults.toml").read_text(encoding="utf-8").splitlines():
        if heading := re.fullmatch(r"\[(\w+)\]", line):
            section = f"{heading[1]}."
        elif setting := _LINE.match(line):
            found[section + setting["key"]] = setting["default"], setting["meaning"]
    return found


def _table(fields: list[tuple[str, FieldInfo]], prefix: str, told: dict[str, tuple[str, str]]) -> str:
    rows = ["| setting | default | may be | |", "|---|---|---|---|"]
    for name, field in fields:
        default, meaning = told[prefix + name]
        variable = "INVOICES_" + (prefix + name).upper().replace(".", "__")
        names = f"`{prefix}{name}`<br>`{variable}`"
        rows.append(f"| {names} | `{default}` | {_kind(field)} | {meaning} |")
    return "\n".join(rows)


def _kind(field: FieldInfo) -> str:
    kind: Any = field.annotation
    if get_origin(kind) is Literal:
        return ", ".join(f'`"{one}"`' for one in get_args(kind))
    if get_origin(kind) is tuple:
        return "a list of texts"
    if kind is SecretStr:
        return "text; a secret"
    if kind is bool:
        return "`true`, `false`"
    if kind in (int, float):
        least = next(one.ge for one in field.metadata if isinstance(one, annotated_types.Ge))
        most = next(one.le for one in field.metadata if isinstance(one, annotated_types.Le))
        return f"a number from {least} to {most}"
    return "a path" if Path in (kind, *get_args(kind)) else "text"


if __name__ == "__main__":
    sys.stdout.write(page())
