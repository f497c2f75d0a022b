"""The documents say what the program does: every setting, command, event and reply is in them, and nothing else."""

from __future__ import annotations

import ast
import re
import runpy
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import click
import pytest
import yaml

from cli.main import main
from config.next_steps import next_steps
from ingest.processing.environment import TestSign
from ingest.processing.match_rules import MatchRule
from ingest.processing.sender_warnings import WarningCode
from ingest.receiving.arriving import ContentLimits
from ingest.receiving.replies import Reply
from ingest.receiving.session_terms import SessionLimits
from ingest.receiving.spool import LARGEST_IN_MEMORY, MemoryBudget
from reading.sandbox import Limits
from storage.records.acts import ActName
from storage.records.history import HistoryEventName
from tests.packages import our_packages

main.all_commands()  # they are imported when they are called, else

ROOT = Path(__file__).parents[2]
PACKAGES = our_packages()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "fixtures").glob("*.md")])


def _text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def _first_cells(document: str, heading: str) -> list[str]:
    """What stands in backticks in the first column of the table below `heading`, in order."""
    _, _, below = _text(document).partition(heading + "\n")
    table = re.search(r"(?:^\|.*\n?)+", below, re.MULTILINE)
    assert table, f"{document}: no table below {heading}"
    return re.findall(r"^\| `([^`]+)`", table[0], re.MULTILINE)


def test_every_history_event_is_documented() -> None:
    """And the document has no event that no history can hold."""
    assert set(_first_cells("docs/history.md", "# History")) == set(HistoryEventName)


def test_every_act_is_documented() -> None:
    """And the document has no act that nobody can do."""
    assert set(_first_cells("docs/history.md", "## Acts")) == set(ActName)


def test_every_matching_rule_is_documented_in_its_order() -> None:
    """The order decides, so it is part of the rule."""
    assert _first_cells("docs/matching.md", "# How an invoice finds its company") == list(MatchRule)


def test_every_sign_of_a_test_is_documented_in_its_order() -> None:
    """The reason on record is the first that holds."""
    assert _first_cells("docs/matching.md", "## Test or productive") == list(TestSign)


def test_every_warning_about_a_sender_is_documented() -> None:
    """Whoever pays looks it up by its code."""
    assert _first_cells("docs/senders.md", "## Warnings") == list(WarningCode)


def _settings() -> Iterator[str]:
    """A row of the table for each key of defaults.toml: its default and its comment."""
    section = ""
    defaults = files("config").joinpath("defaults.toml").read_text(encoding="utf-8")
    for line in defaults.splitlines():
        if heading := re.fullmatch(r"\[(\w+)\]", line):
            section = f"{heading[1]}."
        elif setting := re.fullmatch(r"(\w+) = (.+?)\s+# (.+)", line):
            yield f"| `{section}{setting[1]}` | `{setting[2]}` | {setting[3]} |"
        else:
            assert not line or line.startswith("#"), f"defaults.toml: no comment in {line}"


def test_every_setting_is_documented_as_in_the_defaults() -> None:
    """The table is a copy of defaults.toml: key, default, comment."""
    _, _, below = _text("docs/operating.md").partition("| setting | default | |\n|---|---|---|\n")

    assert below.partition("\n\n")[0].splitlines() == list(_settings())


def _log_events() -> Iterator[tuple[str, str]]:
    """(event, level) of each call of a logger in the programs."""
    for package in PACKAGES:
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                match node:
                    case ast.Call(
                        func=ast.Attribute(value=ast.Name(id="_log"), attr=level), args=[ast.Constant(), *_]
                    ):
                        yield str(ast.literal_eval(node.args[0])), level


def test_the_page_of_commands_is_made_from_the_code() -> None:
    """By `python docs/commands_page.py > docs/commands.md`; every command is a heading there."""
    page = str(runpy.run_path(str(ROOT / "docs/commands_page.py"))["page"]())

    assert _text("docs/commands.md") == page
    assert set(re.findall(r"^## (.+)$", page, re.MULTILINE)) == {
        name for name, command in _commands() if not isinstance(command, click.Group)
    }


def test_the_page_of_events_is_made_from_the_code() -> None:
    """By `python docs/events_page.py > docs/events.md`; each with its level, what it means and what it holds."""
    made = runpy.run_path(str(ROOT / "docs/events_page.py"))
    told = [one for file in made["TELLERS"].values() for one in made["events"](file)]

    assert _text("docs/events.md") == made["page"]()
    assert sorted((one.name, one.level) for one in told) == sorted(set(_log_events()))
    assert {field for one in told for field in one.fields} == set(made["FIELDS"])
    assert [one.name for one in told if not one.means.endswith(".")] == []


def test_every_trouble_in_the_log_says_what_to_do() -> None:
    """And nothing does that no program says; refusals by their reason."""
    troubles = {event for event, level in _log_events() if level in {"warning", "error", "critical"}}

    assert set(next_steps()["events"]) == troubles
    assert set(next_steps()["refusals"]) <= {reply.label for reply in Reply if reply.code >= 400}


def test_the_page_of_metrics_is_made_from_the_code() -> None:
    """By `python docs/metrics_page.py > docs/metrics.md`; each with its labels, and each label with what it is."""
    made = runpy.run_path(str(ROOT / "docs/metrics_page.py"))
    told = made["told"]()

    assert _text("docs/metrics.md") == made["page"]()
    assert {label for one in told for label in one.labels} == set(made["LABELS"])
    assert {one.name for one in told} >= {"invoices_sessions_total", "invoices_store_up", "invoices_troubles"}
    asked = set(re.findall(r"invoices_\w+", " ".join(expression for _, expression in made["alerts"]())))
    assert asked <= {one.name for one in told}


def test_every_refusal_over_smtp_is_documented() -> None:
    """By its code and enhanced status code, as it stands in a sender's log."""
    _, _, below = _text("docs/operating.md").partition("## Limits\n")

    documented = set(re.findall(r"`([45]\d\d [45]\.\d\.\d+)`", below.partition("\n## ")[0]))
    given = {f"{' '.join(reply.pattern.split()[:2])}" for reply in Reply if reply.code >= 400}
    assert documented == given


def test_the_limits_are_documented_as_they_are() -> None:
    """The second column of the table, where it is not a setting."""
    _, _, below = _text("docs/operating.md").partition("## Limits\n")
    table = re.findall(r"^\| ([^|]+) \| ([^|]+) \|", below.partition("\n\nOther")[0], re.MULTILINE)

    session, reading, content = SessionLimits(), Limits(), ContentLimits(max_octets=1)
    assert (
        dict(table).items()
        >= {
            "line in a mail": f"{content.max_line_octets // 1024**2} MiB",
            "header of a mail": f"{content.max_header_octets // 1024**2} MiB",
            "servers a mail has come through": f"{content.max_hops}",
            f"rate of a mail, after {session.patience_seconds:.0f} s": (
                f"{session.min_octets_per_second} octets a second"
            ),
            "failed logins in a session": f"{session.max_failed_logins}",
            "memory for mails that arrive, each process": (
                f"{MemoryBudget().octets // 1024**2} MiB, {LARGEST_IN_MEMORY // 1024**2} MiB a mail"
            ),
            "command line": f"{session.max_command_octets} octets",
            "recipients in a transaction": f"{session.max_recipients}",
            "wait for the client, for a whole command line": f"{session.timeout_seconds:.0f} s",
            "errors in a session": f"{session.max_errors}",
            "commands between two mails": (
                f"{session.max_commands:,}; of NOOP, RSET, VRFY, EHLO, HELO {session.max_idle_commands}"
            ),
            "reading a mail": f"{reading.seconds} s, {reading.memory_octets / 1024**3:g} GiB",
        }.items()
    )


def _find(words: list[str]) -> tuple[list[str], click.Command, list[str]]:
    """The command that `words` begin with: its path, itself, and the words after it."""
    command: click.Command = main
    path: list[str] = []
    rest = list(words)
    while isinstance(command, click.Group) and rest and rest[0] in command.commands:
        path.append(rest.pop(0))
        command = command.commands[path[-1]]
    return path, command, rest


def _command_lines(text: str) -> Iterator[str]:
    """`invoices ...` in backticks and in indented lines, without comments and what comes before it on a line."""
    yield from re.findall(r"`invoices ([^`]+)`", text)
    for line in re.findall(r"^    (?:\S+/)?invoices (.+)$", text, re.MULTILINE):
        yield re.split(r"\s{2,}|\s[#|]", line)[0]


def _named() -> list[tuple[str, str]]:
    return [
        (file.name, line) for file in DOCUMENTS for line in dict.fromkeys(_command_lines(_text(str(file))))
    ]


@pytest.mark.parametrize(("document", "line"), _named(), ids=lambda value: str(value).replace(" ", "_"))
def test_every_command_in_a_document_exists(document: str, line: str) -> None:
    """With each of its options; `...` and words after the command stand for anything."""
    path, command, rest = _find(line.replace("...", " ").split())

    known = {option for parameter in command.params for option in parameter.opts} | {"--help", "--version"}
    assert path or rest[:1] == ["--version"], f"{document}: there is no command in `invoices {line}`"
    assert not (isinstance(command, click.Group) and rest and not rest[0].startswith("-")), (document, line)
    assert {word for word in rest if word.startswith("-")} - {"-"} <= known, (document, line)


def _commands(group: click.Group = main, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))
        yield " ".join((*path, name)), command


@pytest.mark.parametrize(("name", "command"), list(_commands()))
def test_every_command_and_option_has_help(name: str, command: click.Command) -> None:
    """A sentence that ends with a full stop, or a colon before what follows."""
    options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]

    assert command.help, name
    assert [option.name for option in options if not option.help] == []


def test_every_group_of_commands_is_documented() -> None:
    """In the README or in the documents that an operator reads."""
    known = {name.split(" ", maxsplit=1)[0] for name, _ in _commands()}

    documented = {_find(line.split())[0][0] for _, line in _named() if _find(line.split())[0]}

    assert documented == known


@pytest.mark.parametrize("file", DOCUMENTS, ids=lambda file: file.name)
def test_every_link_between_documents_leads_somewhere(file: Path) -> None:
    """To a file that is there; headings behind # are not looked for."""
    for target in re.findall(r"\]\((?!https?:)([^)#]*)(?:#[^)]*)?\)", file.read_text(encoding="utf-8")):
        assert (file.parent / target).exists(), f"{file.name}: {target}"


def test_every_module_in_the_picture_of_the_house_is_there() -> None:
    """And every folder of tests that is explained."""
    modules = {file.name for package in PACKAGES for file in (ROOT / package).rglob("*.py")}

    named = set(re.findall(r"\b(\w+\.py)\b", _text("docs/architecture.md")))
    folders = re.findall(r"^\| `(tests/\w+)/` ", _text("docs/contributing.md"), re.MULTILINE)
    assert named - modules == set()
    assert folders
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []


def test_the_page_of_settings_is_made_from_the_code() -> None:
    """By `python docs/settings_page.py > docs/settings.md`; every setting with what it may be."""
    page = str(runpy.run_path(str(ROOT / "docs/settings_page.py"))["page"]())

    assert _text("docs/settings.md") == page
    assert set(re.findall(r"^\| `([a-z_.]+)`", page, re.MULTILINE)) == {
        line.split("`")[1] for line in _settings()
    }


def test_every_document_is_a_page_of_the_site() -> None:
    """`make docs` builds it; what is in no menu is found by nobody."""
    site = yaml.safe_load(_text("docs/mkdocs.yml"))
    elsewhere = runpy.run_path(str(ROOT / "docs/build_site.py"))["ELSEWHERE"]

    in_menus = [
        page
        for entry in site["nav"]
        for page in (next(iter(entry.values())) if isinstance(entry, dict) else [entry])
    ]

    pages = {page.name for page in (ROOT / "docs").glob("*.md")} | set(elsewhere.values())
    assert sorted(in_menus) == sorted(pages)
