"""No mail, whatever it holds, ends under an account without an identifier of that very account in it."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from ingest.processing.filing import Filer, OnRecord, Rules
from ingest.processing.match_rules import keys_to_look_up
from ingest.processing.matching import Candidates
from storage.companies.account_keys import AccountKey, KeyKind
from storage.expiring.expiry import RetentionPeriods
from storage.ids import new_id
from storage.records.reading import BusinessTerms, Identifier, Party
from tests import making

# Few values, so that accounts, recipients and documents meet often; some are odd on purpose.
_ADDRESSES = st.sampled_from(
    [
        "a@one.example",
        "a+x@one.example",
        "B@one.example",
        "c@two.example",
        "postmaster",
        "x@gmail.com",
        "",
        "@",
    ]
)
_NUMBERS = st.sampled_from(
    ["4012345000009", "4012345000008", "17", "", "0000000", "DE123456788", "a@one.example"]
)
_SCHEMES = st.sampled_from(["0088", "0204", "9930", "EM", "", "0002"])
_VAT_IDS = st.sampled_from(["DE123456788", "de 123 456 788", "BE0123456749", "nonsense", "", None])
_IDENTIFIERS = st.builds(lambda scheme, value: Identifier(scheme=scheme, value=value), _SCHEMES, _NUMBERS)


@st.composite
def _terms(draw: st.DrawFn) -> BusinessTerms:
    buyer = Party(
        name=draw(st.sampled_from(["Company Ltd", None])),
        vat_id=draw(_VAT_IDS),
        identifiers=tuple(draw(st.lists(_IDENTIFIERS, max_size=3))),
        legal_registration=draw(st.none() | _IDENTIFIERS),
        electronic_address=draw(st.none() | _IDENTIFIERS),
    )
    seller = Party(vat_id=draw(_VAT_IDS), name=draw(st.sampled_from(["Supplier", None])))
    return making.terms(seller=seller, buyer=buyer, buyer_reference=draw(st.none() | _NUMBERS))


_PATHS = st.lists(_ADDRESSES.filter(bool), max_size=3)


@given(terms=st.lists(_terms(), min_size=1, max_size=2), paths=_PATHS, owners=st.randoms())
def test_an_invoice_is_filed_only_where_its_own_evidence_leads(
    terms: list[BusinessTerms], paths: list[str], owners: object
) -> None:
    """Each key belongs to a company by chance; a wrong company would have none of the evidence."""
    keys = sorted(keys_to_look_up(paths, terms, "partner"))
    owned: dict[AccountKey, str] = {}
    members: dict[AccountKey, tuple[str, ...]] = {}
    for key in keys:
        chosen = owners.choice([None, "a", "b", "c"])  # type: ignore[attr-defined]  # a random.Random
        if chosen and key.kind is KeyKind.USER:
            members[key] = tuple(sorted({chosen, "a"}))
        elif chosen:
            owned[key] = chosen
    accounts = {name: making.account(id=name, addresses=()) for name in "abc"}

    filing = Filer(
        making.received_mail(envelope=making.envelope(forward_paths=tuple(paths))),
        OnRecord(
            candidates=Candidates(owned, accounts, members),
            newest_links={},
            partner=making.partner(id="partner"),
        ),
        _RULES,
        making.NOW,
    ).file(making.mail_reading(invoices=tuple(making.invoice_reading(terms=one) for one in terms)))

    invited = {account.id: account.addresses[0].casefold() for account in filing.new_accounts}
    for invoice in filing.invoices:
        assert invoice.evidence
        assert invoice.matched_by == invoice.evidence[0].rule
        for one in invoice.evidence:
            key = AccountKey(KeyKind(one.kind), one.value)
            owner = one.account_id in (owned.get(key), *members.get(key, ())) or (
                invited.get(one.account_id) == one.value
            )
            assert (one.account_id, owner) == (invoice.account_id, True)


_RULES = Rules(
    periods=RetentionPeriods(productive_days=90, test_days=30, tombstone_days=365),
    link_life=timedelta(days=30),
    new_id=new_id,
    token_digest=str.encode,
)
