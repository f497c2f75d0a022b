"""Says in one plain sentence of English and one of German what is wrong when a rule does not hold."""

from __future__ import annotations

import re

from reading.term_names import ENGLISH, GERMAN
from validation.wording_tables import (
    CATEGORIES,
    CODE_LISTS,
    FAMILIES,
    MISSING,
    OWN_SENTENCES,
)

_TERM = re.compile(r"\bB[TG]-\d+\b")
_CATEGORY_RULE = re.compile(r"BR-(?P<category>[A-Z]{1,2})-(?P<number>\d\d?)")
_DECIMALS = re.compile(r"BR-DEC-\d+")
_SYNTAX_RULE = re.compile(r"(?:CII|UBL)-(?:SR|DT|CR)-\d+")
_LONGEST = 500  # characters of an official text that is passed on

Sentences = tuple[str, str]  # English, German


def terms_in(text: str) -> tuple[str, ...]:
    """The EN 16931 numbers that the official text of a rule names, each once."""
    return tuple(dict.fromkeys(_TERM.findall(text)))


def sentences(rule: str, official: str) -> Sentences:
    """English and German; `official` is the rule's own text, for rules that have no sentence of ours."""
    number = re.sub(r"^BR-FXEXT-", "BR-", rule)
    if number in OWN_SENTENCES:
        return OWN_SENTENCES[number]
    if number in MISSING:
        return _missing(MISSING[number])
    if number in CODE_LISTS:
        (english, german), codes = CODE_LISTS[number]
        return (
            f"{english} is not a code of the list {codes}.",
            f"{german} ist kein Code der Liste {codes}.",
        )
    if _DECIMALS.fullmatch(number):
        english, german = _named(terms_in(official)[:1])
        return f"{english} has more than two decimals.", f"{german} hat mehr als zwei Nachkommastellen."
    if (found := _CATEGORY_RULE.fullmatch(number)) and found["category"] in CATEGORIES:
        told = _of_category(found["category"], int(found["number"]))
        if told is not None:
            return told
    return _in_official_words(rule, official)


def _missing(terms: str) -> Sentences:
    """`terms` are alternatives, "BT-97|BT-98"."""
    each = terms.split("|")
    english = " or ".join(f"{ENGLISH[one]} ({one})" for one in each)
    german = " oder ".join(f"{GERMAN[one]} ({one})" for one in each)
    return f"This is missing: {english}.", f"Es fehlt: {german}."


def _named(terms: tuple[str, ...]) -> Sentences:
    if not terms or terms[0] not in ENGLISH:
        return "An amount", "Ein Betrag"
    return f"{ENGLISH[terms[0]]} ({terms[0]})", f"{GERMAN[terms[0]]} ({terms[0]})"


def _of_category(category: str, number: int) -> Sentences | None:
    english, german, kind = CATEGORIES[category]
    templates = FAMILIES.get((kind, number)) or FAMILIES.get(("any", number))
    if templates is None:
        return None
    return templates[0].format(category=english), templates[1].format(category=german)


def _in_official_words(rule: str, official: str) -> Sentences:
    said = official[:_LONGEST].rstrip()
    if said and said[-1] not in ".!?":
        said += "."
    if _SYNTAX_RULE.fullmatch(rule):
        english = f"The XML holds something that EN 16931 does not provide for: {said}"
        german = f"Das XML enthält etwas, das EN 16931 nicht vorsieht: {said}"
        return english, german
    known = [one for one in terms_in(official) if one in GERMAN]
    about = f" Sie betrifft: {', '.join(f'{GERMAN[one]} ({one})' for one in known)}." if known else ""
    return (
        f"The rule {rule} does not hold: {said}",
        f"Die Regel {rule} ist verletzt.{about} Im Wortlaut: {said}",
    )
