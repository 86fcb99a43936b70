"""What events and figures are called where finance reads them, as docs/glossary.md has it: `time approved T-17`, `Zeit genehmigt T-17`."""

import re
from collections.abc import Mapping
from typing import Final

from domain.capabilities import OWN_REFERENCE
from domain.money import format_amount

WORD_BEGINS: Final = re.compile(r"(?<!^)(?=[A-Z])")
GERMAN: Final[Mapping[str, str]] = {
    "AccountingPeriodClosed": "Periode geschlossen",
    "AccountingPeriodReopened": "Periode wieder geöffnet",
    "BalancesBroughtForward": "Salden vorgetragen",
    "BillingHoldPlaced": "Abrechnungssperre gesetzt",
    "BillingHoldReleased": "Abrechnungssperre aufgehoben",
    "ContractAmended": "Vertrag geändert",
    "ContractSigned": "Vertrag unterschrieben",
    "ContractTerminated": "Vertrag beendet",
    "ControlTotal": "Kontrollsumme",
    "CostRateSet": "Kostensatz gesetzt",
    "CreditMemoIssued": "Gutschrift ausgestellt",
    "CustomerDefined": "Kunde angelegt",
    "DayEnded": "Tag beendet",
    "EstimateRevised": "Schätzung geändert",
    "ExceptionAssigned": "Ausnahme zugewiesen",
    "ExceptionResolved": "Ausnahme gelöst",
    "ExceptionWaived": "Ausnahme erlassen",
    "ExchangeRateSet": "Wechselkurs gesetzt",
    "ExpenseApproved": "Auslage genehmigt",
    "ExpenseWithdrawn": "Auslage zurückgezogen",
    "IdentityLinked": "Kennungen verknüpft",
    "IntakeNoticed": "bei der Aufnahme bemerkt",
    "InvoicePosted": "Rechnung gebucht",
    "InvoiceRejected": "Rechnung abgelehnt",
    "LedgerReconciled": "Hauptbuch abgestimmt",
    "LegalEntityDefined": "Gesellschaft angelegt",
    "MilestoneAccepted": "Meilenstein abgenommen",
    "MilestoneRevoked": "Abnahme widerrufen",
    "PaymentApplied": "Zahlung zugeordnet",
    "PaymentReceived": "Zahlung eingegangen",
    "PaymentReversed": "Zahlung storniert",
    "PersonCapacitySet": "Kapazität gesetzt",
    "PersonDefined": "Person angelegt",
    "PostingAccepted": "Buchung angenommen",
    "PostingRejected": "Buchung abgelehnt",
    "ProgressReported": "Fortschritt gemeldet",
    "ProjectActivated": "Projekt begonnen",
    "ProjectClosed": "Projekt abgeschlossen",
    "RateCardPublished": "Preisliste veröffentlicht",
    "ResourceAssigned": "Person eingeplant",
    "RevenueAdjusted": "Umsatz angepasst",
    "RulesActivated": "Regeln in Kraft gesetzt",
    "StatementApproved": "Nachweis freigegeben",
    "StatementRequested": "Nachweis angefordert",
    "StatementReturned": "Nachweis zurückgegeben",
    "TaxPolicyDefined": "Steuerregeln festgelegt",
    "TimeApproved": "Zeit genehmigt",
    "TimeWithdrawn": "Zeit zurückgezogen",
    "UnitsDelivered": "Einheiten geliefert",
    "VariableConsiderationRevised": "variable Vergütung geändert",
    "WrittenOff": "abgeschrieben",
    **{event.__name__: own.german for event, own in OWN_REFERENCE.items()},
}


def event_name(type_name: str, language: str = "en") -> str:
    """`time approved` of `TimeApproved`."""
    english = WORD_BEGINS.sub(" ", type_name).lower()
    return GERMAN.get(type_name, english) if language == "de" else english


def label_words(label: str, language: str = "en") -> str:
    """Of a label such as `TimeApproved T-17 version 2`."""
    name, space, rest = label.partition(" ")
    if language == "de":
        rest = re.sub(r" version (\d+)$", r" Fassung \1", rest)
    return f"{event_name(name, language)}{space}{rest}"


TITLES: Final[Mapping[str, str]] = {
    "billed": "issued",
    "held": "on hold",
    # Also those over a cap, which nobody is billed for.
    "hours_charged": "hours priced",
    "contract_position": "contract balance",
}


def figure_words(name: str) -> str:
    """`on hold` of `held`, `over cap` of `over_cap`."""
    return TITLES.get(name) or name.replace("_", " ")


def rounding_words(note: str) -> str:
    """`entry, half_up, to 0.01 EUR` of the note on a statement, `entry, half_up, 100/10000 EUR`."""
    scope, mode, unit = note.split(", ")
    amount, currency = unit.split("/10000 ")
    return f"{scope}, {mode}, to {format_amount(int(amount), currency)} {currency}"
