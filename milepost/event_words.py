"""What an event is called where finance reads it: `time approved T-17`, `Zeit genehmigt T-17`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from domain.capabilities import OWN_REFERENCE

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
