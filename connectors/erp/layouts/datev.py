"""DATEV format (EXTF 700), Buchungsstapel version 13: a head of 31 fields, 125 columns, Windows-1252, CR LF.

Amounts are positive with S or H, which concerns the account; every row has an account and a contra account. The key stands in
Belegfeld 1 of every row; an invoice with a number has that there, and the key as additional information. One file is for one client
(the entity's subsidiary) and one accounting period within its fiscal year.

A foreign amount is said with its rate and the base amount. The rate is foreign units for one of the base; where it would be below one,
which the format has no place for, the row is in the base currency and the foreign amount stands as additional information.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated, Final

from pydantic import Field

from connectors.erp.layouts.layout import CsvSection, FileMade, Unfit, by_subsidiary, free_text, plain_amount
from domain.delivery.contra_accounts import NoContraAccount, Pair, pairs
from domain.delivery.documents import Document, InvoiceDocument, JournalDocument, Segment, posting_date
from domain.money import HALF_UP, format_amount, format_decimal, round_ratio
from domain.units import EXCHANGE_RATE_ONE, ExchangeRate

ENCODING: Final = "cp1252"
LINE_END: Final = "\r\n"
DAY: Final = "%Y%m%d"
TEXT_LONGEST: Final = 60
COST_CENTER_LONGEST: Final = 36
BATCH_NAME_LONGEST: Final = 30
WHOLE_DIGITS: Final = 10
RATE_DECIMALS: Final = 6
RATE_MOST: Final = 10_000 * 10**RATE_DECIMALS

# The columns that are filled, from 0, and whether they are texts, which stand in quotation marks.
AMOUNT: Final = 0
SIDE: Final = 1
CURRENCY: Final = 2
RATE: Final = 3
BASE_AMOUNT: Final = 4
BASE_CURRENCY: Final = 5
ACCOUNT: Final = 6
CONTRA_ACCOUNT: Final = 7
TAX_KEY: Final = 8
DOCUMENT_DATE: Final = 9
DOCUMENT: Final = 10
SECOND_DOCUMENT: Final = 11
TEXT: Final = 13
COST_CENTERS: Final = (36, 37)
INFORMATION_KIND: Final = 47
INFORMATION: Final = 48
LOCKED: Final = 113
# What Belegfeld 1 takes.
DOCUMENT_NUMBER: Final = re.compile(r"[A-Za-z0-9$&%*+/-]{1,36}")
TEXTS: Final = frozenset(
    (
        SIDE,
        CURRENCY,
        BASE_CURRENCY,
        TAX_KEY,
        DOCUMENT,
        SECOND_DOCUMENT,
        TEXT,
        *COST_CENTERS,
        INFORMATION_KIND,
        INFORMATION,
    )
)


def _columns() -> tuple[str, ...]:
    counted = [f"Beleginfo - {part} {number}" for number in range(1, 9) for part in ("Art", "Inhalt")]
    more = [
        f"{part} {number}"
        for number in range(1, 21)
        for part in ("Zusatzinformation - Art", "Zusatzinformation- Inhalt")
    ]
    first = """
        Umsatz (ohne Soll/Haben-Kz);Soll/Haben-Kennzeichen;WKZ Umsatz;Kurs;Basis-Umsatz;WKZ Basis-Umsatz;Konto;
        Gegenkonto (ohne BU-Schlüssel);BU-Schlüssel;Belegdatum;Belegfeld 1;Belegfeld 2;Skonto;Buchungstext;Postensperre;
        Diverse Adressnummer;Geschäftspartnerbank;Sachverhalt;Zinssperre;Beleglink
    """
    middle = """
        KOST1 - Kostenstelle;KOST2 - Kostenstelle;Kost-Menge;EU-Land u. UStID (Bestimmung);EU-Steuersatz (Bestimmung);
        Abw. Versteuerungsart;Sachverhalt L+L;Funktionsergänzung L+L;BU 49 Hauptfunktionstyp;BU 49 Hauptfunktionsnummer;
        BU 49 Funktionsergänzung
    """
    last = """
        Stück;Gewicht;Zahlweise;Forderungsart;Veranlagungsjahr;Zugeordnete Fälligkeit;Skontotyp;Auftragsnummer;Buchungstyp;
        USt-Schlüssel (Anzahlungen);EU-Land (Anzahlungen);Sachverhalt L+L (Anzahlungen);EU-Steuersatz (Anzahlungen);
        Erlöskonto (Anzahlungen);Herkunft-Kz;Buchungs GUID;KOST-Datum;SEPA-Mandatsreferenz;Skontosperre;Gesellschaftername;
        Beteiligtennummer;Identifikationsnummer;Zeichnernummer;Postensperre bis;Bezeichnung SoBil-Sachverhalt;
        Kennzeichen SoBil-Buchung;Festschreibung;Leistungsdatum;Datum Zuord. Steuerperiode;Fälligkeit;Generalumkehr (GU);
        Steuersatz;Land;Abrechnungsreferenz;BVV-Position;EU-Land u. UStID (Ursprung);EU-Steuersatz (Ursprung);Abw. Skontokonto
    """
    parts = (_listed(first), counted, _listed(middle), more, _listed(last))
    return tuple(name for part in parts for name in part)


def _listed(text: str) -> list[str]:
    return [name.strip() for name in text.split(";")]


COLUMNS: Final = _columns()


class Datev(CsvSection):
    consultant: Annotated[int, Field(ge=1_001, le=9_999_999)] = Field(description="Beraternummer.")
    account_length: Annotated[int, Field(ge=4, le=8)] = Field(
        4, description="Sachkontenlänge; accounts of customers have one digit more."
    )
    fiscal_year_month: Annotated[int, Field(ge=1, le=12)] = Field(
        1, description="The month that fiscal years begin in."
    )
    base_currency: str = Field("EUR", pattern=r"^[A-Z]{3}$")
    chart: str = Field("", pattern=r"^([0-9]{2})?$", description="Sachkontenrahmen, such as 03 or 04.")
    clearing_account: str | None = Field(None, pattern=r"^[0-9]{4,8}$", description="For lines that cannot be paired.")
    tax_account: str | None = Field(None, pattern=r"^[0-9]{4,8}$", description="Output tax of invoices.")
    tax_key: str = Field(
        "",
        pattern=r"^[0-9]{0,4}$",
        description="BU-Schlüssel of each row; 40 keeps automatic accounts from adding tax.",
    )
    cost_centers: tuple[str, ...] = Field((), max_length=2, description="Our segments that are KOST1 and KOST2.")
    locked: bool = Field(False, description="Festschreibung: what is imported cannot be changed.")

    @property
    def taken(self) -> tuple[str, ...]:
        return self.cost_centers

    @property
    def prefix(self) -> str:
        return "EXTF_"

    def shared(self, document: Document) -> tuple[str, ...]:
        kind, subsidiary, period = by_subsidiary(document)
        return kind, subsidiary, period, f"{posting_date(document):%Y-%m}"

    def head(self, documents: Sequence[Document], made: FileMade) -> bytes:
        days = [posting_date(document) for document in documents]
        fields = (
            '"EXTF"', "700", "21", '"Buchungsstapel"', "13", f"{made.at:%Y%m%d%H%M%S}{made.at.microsecond // 1_000:03d}", "",
            '"RE"', '""', '""', str(self.consultant), _client(documents[0]), f"{self._fiscal_year(days[0]):{DAY}}",
            str(self.account_length), f"{min(days):{DAY}}", f"{max(days):{DAY}}",
            _quoted(free_text(f"Milepost {made.number}", BATCH_NAME_LONGEST)), '""', "1", "0", str(int(self.locked)),
            f'"{self.base_currency}"', "", '""', "", "", f'"{self.chart}"', "", "", '""', '""',
        )  # fmt: skip
        lines = (";".join(fields), ";".join(COLUMNS), "")
        return LINE_END.join(lines).encode(ENCODING)

    def rows(self, document: Document, _made: FileMade) -> Sequence[bytes]:
        _client(document)
        found = self._invoice(document) if isinstance(document, InvoiceDocument) else self._journal(document)
        return [_line(fields) for fields in found]

    def _journal(self, journal: JournalDocument) -> Iterator[Mapping[int, str]]:
        if journal.ledger_currency != self.base_currency:
            raise Unfit(
                "LEDGER_CURRENCY", "WKZ", f"expected a ledger in {self.base_currency}, came {journal.ledger_currency}"
            )
        try:
            found = pairs(journal.lines, self.clearing_account)
        except NoContraAccount as fault:
            raise Unfit(
                "CONTRA_ACCOUNT",
                fault.segment,
                f"{fault}: set clearing_account, so that every line has a row of its own",
            ) from None
        for pair in found:
            yield {
                **self._row(journal, pair.account, pair.contra, pair.segments, pair.text or journal.text),
                **self._amounts(journal, pair),
            }

    def _invoice(self, invoice: InvoiceDocument) -> Iterator[Mapping[int, str]]:
        """Net by line, the tax as a row of its own."""
        if invoice.currency != self.base_currency:
            raise Unfit("CURRENCY", "WKZ", f"expected an invoice in {self.base_currency}, came {invoice.currency}")
        booked = [(line.account, line.amount, line.segments, line.text) for line in invoice.lines]
        if invoice.tax_amount:
            if self.tax_account is None:
                raise Unfit("TAX_ACCOUNT", "tax_account", "the invoice has tax: set tax_account")
            booked.append((self.tax_account, invoice.tax_amount, (), "USt"))
        due = f"{invoice.due_date:%d%m%y}" if invoice.due_date else ""
        for account, amount, segments, text in booked:
            if amount:
                named = invoice.number or invoice.statement_id
                yield {
                    **self._row(invoice, invoice.customer, account, segments, f"{named} {text}"),
                    **_numbered(invoice),
                    SECOND_DOCUMENT: due,
                    AMOUNT: _amount(amount, invoice.currency),
                    SIDE: "S" if amount > 0 else "H",
                    CURRENCY: invoice.currency,
                }

    def _row(
        self, document: Document, account: str, contra: str, segments: Sequence[Segment], text: str
    ) -> dict[int, str]:
        values = dict(segments)
        if unknown := values.keys() - set(self.cost_centers):
            raise Unfit("SEGMENT", min(unknown), f"{min(unknown)} has no column: name it in cost_centers")
        return {
            ACCOUNT: self._account(account, "Konto"),
            CONTRA_ACCOUNT: self._account(contra, "Gegenkonto"),
            TAX_KEY: self.tax_key,
            DOCUMENT_DATE: f"{posting_date(document):%d%m}",
            DOCUMENT: document.key,
            TEXT: free_text(text, TEXT_LONGEST),
            LOCKED: str(int(self.locked)),
            **{
                column: _cost_center(values[name], name)
                for column, name in zip(COST_CENTERS, self.cost_centers, strict=False)
                if name in values
            },
        }

    def _amounts(self, journal: JournalDocument, pair: Pair) -> dict[int, str]:
        base = journal.ledger_currency
        side = "S" if (pair.amount, pair.ledger_amount) > (0, 0) else "H"
        if not pair.amount or journal.currency == base:
            return {AMOUNT: _amount(pair.ledger_amount, base), SIDE: side, CURRENCY: base}
        if pair.amount * pair.ledger_amount <= 0:
            raise Unfit(
                "BASE_AMOUNT",
                "Basis-Umsatz",
                f"expected {format_amount(pair.amount, journal.currency)} {journal.currency} to be a base amount of the same sign, "
                f"came {format_amount(pair.ledger_amount, base)} {base}",
            )
        amount = _amount(pair.amount, journal.currency)
        in_base = _amount(pair.ledger_amount, base)
        rate = _rate(journal.exchange_rate)
        if rate is None:
            return {
                AMOUNT: in_base,
                SIDE: side,
                CURRENCY: base,
                INFORMATION_KIND: "Fremdbetrag",
                INFORMATION: f"{amount} {journal.currency}",
            }
        return {
            AMOUNT: amount,
            SIDE: side,
            CURRENCY: journal.currency,
            RATE: rate,
            BASE_AMOUNT: in_base,
            BASE_CURRENCY: base,
        }

    def _account(self, account: str, field: str) -> str:
        if not (account.isascii() and account.isdigit() and len(account) <= self.account_length + 1):
            raise Unfit(
                "ACCOUNT",
                field,
                f"expected at most {self.account_length + 1} digits (account_length and one), came {account!r}",
            )
        return account

    def _fiscal_year(self, posted_on: date) -> date:
        return date(posted_on.year - (posted_on.month < self.fiscal_year_month), self.fiscal_year_month, 1)


def _numbered(invoice: InvoiceDocument) -> dict[int, str]:
    """A number that Belegfeld 1 can hold stands there, since DATEV clears open items by it; our key is then beside it."""
    if not DOCUMENT_NUMBER.fullmatch(invoice.number):
        return {}
    return {DOCUMENT: invoice.number, INFORMATION_KIND: "Milepost", INFORMATION: invoice.key}


def _client(document: Document) -> str:
    number = document.subsidiary
    if not (number.isascii() and number.isdigit() and 1 <= int(number) <= 99_999):
        raise Unfit(
            "CLIENT",
            "Mandant",
            f"expected the entity's subsidiary to be a Mandantennummer, 1 to 99999, came {number!r}",
        )
    return str(int(number))


def _amount(amount: int, currency: str) -> str:
    text = plain_amount(abs(amount), currency, "Umsatz", WHOLE_DIGITS)
    whole, _, fraction = text.partition(".")
    if len(fraction) > 2:
        raise Unfit("AMOUNT", "Umsatz", f"expected an amount of two decimals, came {text} {currency}")
    return f"{whole},{fraction:0<2}"


def _rate(rate: ExchangeRate) -> str | None:
    """Units of the journal's currency for one of the base; None where the format has no place for it."""
    found = round_ratio(EXCHANGE_RATE_ONE * 10**RATE_DECIMALS, rate, 1, HALF_UP) if rate else 0
    if not 10**RATE_DECIMALS <= found < RATE_MOST:
        return None
    return format_decimal(found, RATE_DECIMALS, 2).replace(".", ",")


def _cost_center(value: str, name: str) -> str:
    if len(value) > COST_CENTER_LONGEST or not all(each.isalnum() or each in " _-" for each in value):
        raise Unfit(
            "COST_CENTER",
            name,
            f"expected at most {COST_CENTER_LONGEST} letters, digits, blanks, _ and -, came {value!r}",
        )
    return value


def _line(fields: Mapping[int, str]) -> bytes:
    cells = (
        _quoted(value) if (value := fields.get(column, "")) and column in TEXTS else value
        for column in range(len(COLUMNS))
    )
    return (";".join(cells) + LINE_END).encode(ENCODING, "replace")


def _quoted(text: str) -> str:
    doubled = text.replace('"', '""')
    return f'"{doubled}"'
