"""Reads settings from the defaults, one file and the environment, and names every wrong key at once."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from config.settings import Settings

PREFIX = "INVOICES_"
SECRETS = (("database", "url"), ("registration", "link_key"), ("blobs", "key"), ("outbound", "password"))

_OTHER_VARIABLES = {
    "INVOICES_CONFIG",
    "INVOICES_DATA_DIR",
    "INVOICES_TEST_PEERS",
    "INVOICES_TEST_SPF_SUITE",
}  # the last two are the tests'

_LIST = ("Input should be a valid tuple", "expected a list")  # as TOML calls it
_EXPECTED = ("Input should be", "expected")

_Tree = dict[str, Any]


class WrongSettings(Exception):  # noqa: N818  -- reads as what is the matter
    """Settings that cannot be used.

    `problems` holds a line per wrong key: where it was set, the key, what was expected.
    """

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


def load(path: Path | None = None, environment: Mapping[str, str] | None = None) -> Settings:
    """The settings from defaults.toml, then `path` (or INVOICES_CONFIG), then INVOICES_<SECTION>__<KEY>.

    Secrets may also be files: INVOICES_<SECTION>__<KEY>_FILE, or systemd credentials named `section.key`,
    by themselves or in a folder.
    Relative paths count from the working folder. Raises WrongSettings.
    """
    environment = os.environ if environment is None else environment  # noqa: TID251  -- this is the place
    defaults = tomllib.loads(files("config").joinpath("defaults.toml").read_text(encoding="utf-8"))
    if path is None and environment.get("INVOICES_CONFIG"):
        path = Path(environment["INVOICES_CONFIG"])

    origin: dict[tuple[str, ...], str] = {}
    problems: list[str] = []
    tree = _merge(defaults, _from_file(path) if path else {}, str(path), origin)
    overrides = _from_environment(environment, defaults, origin, problems)
    tree = _merge(tree, overrides, None, origin)
    _expand(tree)
    try:
        settings = Settings.model_validate(tree)
    except ValidationError as error:
        problems += _sentences(error, origin)
        raise WrongSettings(problems) from None
    problems += _contradictions(settings)
    if problems:
        raise WrongSettings(problems)
    return settings


def _from_file(path: Path) -> _Tree:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WrongSettings([f"{path}: cannot be read: {error.strerror}"]) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongSettings([f"{path}: is not TOML: {error}"]) from None


def _merge(base: _Tree, over: _Tree, source: str | None, origin: dict[tuple[str, ...], str]) -> _Tree:
    merged = dict(base)
    for key, value in over.items():
        inside = isinstance(value, dict) and isinstance(base.get(key), dict)
        merged[key] = {**base[key], **value} if inside else value
        if source is not None:
            origin.update({(key, name): source for name in value} if inside else {(key,): source})
    return merged


def _from_environment(
    environment: Mapping[str, str],
    defaults: _Tree,
    origin: dict[tuple[str, ...], str],
    problems: list[str],
) -> _Tree:
    overrides: _Tree = {}

    def put(section: str, key: str, text: str, source: str) -> None:
        overrides.setdefault(section, {})[key] = _value(text, defaults[section][key])
        origin[(section, key)] = source

    if "INVOICES_DATA_DIR" in environment:
        overrides["data_dir"] = environment["INVOICES_DATA_DIR"]
        origin[("data_dir",)] = "INVOICES_DATA_DIR"
    credentials = environment.get("CREDENTIALS_DIRECTORY")
    for section, key in SECRETS:
        for name in _credential_names(section, key) if credentials else ():
            if _is_there(file := Path(credentials or "", name)):
                put(section, key, _secret(file), str(file))
        if named := environment.get(variable := f"{PREFIX}{section}__{key}_FILE".upper()):
            put(section, key, _secret(Path(named)), variable)
    for variable, text in sorted(environment.items()):
        section, separator, key = variable.removeprefix(PREFIX).lower().partition("__")
        if not variable.startswith(PREFIX) or variable in _OTHER_VARIABLES:
            continue
        if not separator:
            problems.append(f"{variable}: there is no such setting; expected INVOICES_<SECTION>__<KEY>")
            continue
        if key in defaults.get(section, {}):
            put(section, key, text, variable)
        elif (section, key.removesuffix("_file")) not in SECRETS:
            problems.append(f"{variable}: there is no setting {section}.{key}")
    return overrides


def _credential_names(section: str, key: str) -> tuple[str, str]:
    """By itself, or as a file of the folder that our units hand over whole, before which systemd puts its name."""
    return f"{section}.{key}", f"credentials_{section}.{key}"


def _is_there(file: Path) -> bool:
    """Raises WrongSettings for a folder that cannot be looked into: a secret that is missed means another database."""
    try:
        return file.is_file()
    except OSError as error:
        raise WrongSettings([f"{file}: the secret cannot be read: {error.strerror}"]) from None


def _secret(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise WrongSettings([f"{file}: the secret cannot be read: {error}"]) from None


def _value(text: str, default: object) -> object:
    """A value of the environment in the shape of its default; pydantic names what is wrong with it."""
    if isinstance(default, list):
        if text.lstrip().startswith("["):
            try:
                return json.loads(text)
            except ValueError:
                return text
        return [item.strip() for item in text.split(",") if item.strip()]
    return text


def _expand(tree: _Tree) -> None:
    data_dir = str(tree.get("data_dir"))
    database = tree.get("database")
    if isinstance(database, dict) and isinstance(database.get("url"), str):
        database["url"] = database["url"].replace("{data_dir}", data_dir)
    outbound = tree.get("outbound")
    if isinstance(outbound, dict):
        outbound["templates"] = outbound.get("templates") or None
    smtp = tree.get("smtp")
    if isinstance(smtp, dict):
        for key in ("tls_certificate", "tls_key", "users"):
            smtp[key] = smtp.get(key) or None
    validation = tree.get("validation")
    if isinstance(validation, dict):
        validation["rules"] = validation.get("rules") or None


def _sentences(error: ValidationError, origin: dict[tuple[str, ...], str]) -> list[str]:
    sentences = []
    for problem in error.errors(include_url=False, include_input=False):
        keys = tuple(str(part) for part in problem["loc"])
        source = origin.get(keys[:2]) or origin.get(keys[:1]) or "defaults.toml"
        message = problem["msg"].removeprefix("Value error, ").replace(*_LIST).replace(*_EXPECTED)
        if problem["type"] == "extra_forbidden":
            message = "there is no such setting"
        if limit := _described(keys):
            message = limit
        sentences.append(f"{source}: {'.'.join(keys)}: {message}")
    return sentences


def _described(keys: tuple[str, ...]) -> str | None:
    section = Settings.model_fields.get(keys[0])
    fields = getattr(section.annotation, "model_fields", {}) if section else {}
    field = fields.get(keys[1]) if len(keys) > 1 else None
    return field.description if field else None


def _contradictions(settings: Settings) -> list[str]:
    smtp = settings.smtp
    problems = []
    if smtp.require_tls and smtp.tls_certificate is None:
        problems.append("smtp.require_tls: expected smtp.tls_certificate to be set too")
    if smtp.listen_tls and smtp.tls_certificate is None:
        problems.append("smtp.listen_tls: expected smtp.tls_certificate to be set too")
    if smtp.users is not None and smtp.tls_certificate is None:
        problems.append(
            "smtp.users: expected smtp.tls_certificate to be set too, for AUTH is offered under TLS only"
        )
    outbound = settings.outbound
    if outbound.smarthost and not outbound.mail_from:
        problems.append("outbound.smarthost: expected outbound.mail_from to be set too")
    if outbound.mode != "none" and not outbound.smarthost:
        problems.append(f'outbound.mode: expected outbound.smarthost to be set too, for "{outbound.mode}"')
    if outbound.password.get_secret_value() and not outbound.user:
        problems.append("outbound.password: expected outbound.user to be set too")
    if outbound.user and outbound.tls == "off":
        problems.append(
            'outbound.tls: expected another value than "off", for the password must not be overheard'
        )
    if smtp.tls_key is not None and smtp.tls_certificate is None:
        problems.append("smtp.tls_key: expected smtp.tls_certificate to be set too")
    return problems
