"""The words of the forecast page. Languages other than German are written in English."""

from collections.abc import Mapping
from typing import Final

from milepost.locales import Writing, by_language


def words_of(writing: Writing) -> Mapping[str, str]:
    return WORDS.get(writing.locale.language, WORDS["en"])


WORDS: Final = by_language(
    {
        "title": ("Forecast of {name}", "Prognose für {name}"),
        "subtitle": (
            "Project {project}, forecast {sequence} as of {day}, in {currency}",
            "Projekt {project}, Prognose {sequence} vom {day}, in {currency}",
        ),
        "as_posted": (
            "with the exchange rates of {day}; with those posted {revenue} revenue, {cost} cost, {margin} margin",
            "mit den Kursen vom {day}; mit den gebuchten {revenue} Umsatz, {cost} Kosten, {margin} Marge",
        ),
        "eac_revenue": ("Revenue at completion", "Umsatz bei Fertigstellung"),
        "eac_cost": ("Cost at completion", "Kosten bei Fertigstellung"),
        "margin_at_completion": ("Margin at completion", "Marge bei Fertigstellung"),
        "burn_cost": ("Cost so far", "Kosten bisher"),
        "burn_hours": ("Hours so far", "Stunden bisher"),
        "budget": ("budget {budget}", "Budget {budget}"),
        "complete": ("{percent} complete", "zu {percent} fertig"),
        "of_hours": ("of {hours} at completion", "von {hours} bei Fertigstellung"),
        "backlog": ("Backlog", "Auftragsbestand"),
        "backlog_note": ("sold and not yet earned", "verkauft und noch nicht erbracht"),
        "unbilled_backlog": ("Unbilled backlog", "Nicht berechneter Bestand"),
        "unbilled_backlog_note": ("sold and not on a statement", "verkauft und auf keinem Nachweis"),
        "used_up": ("Cap used up", "Höchstbetrag erreicht"),
        "since": ("since {day}", "seit {day}"),
        "since_by": ("since {day} by {label}", "seit {day} durch {label}"),
        "on": ("on {day}", "am {day}"),
        "no_cap_used_up": ("not foreseen", "nicht absehbar"),
        "no_cap": ("no cap", "kein Höchstbetrag"),
        "soft": ("soft", "weich"),
        "hard": ("hard", "hart"),
        "purchase_order": ("purchase order", "Bestellung"),
        "by_month": ("by month", "je Monat"),
        "soft_note": ("soft: only a warning, all is billed", "weich: nur eine Warnung, alles wird berechnet"),
        "nothing_waits": ("no work over it", "nichts liegt darüber"),
        "entry_waits": ("1 entry over it, {amount} not billed", "1 Eintrag darüber, {amount} nicht berechnet"),
        "entries_wait": (
            "{count} entries over it, {amount} not billed",
            "{count} Einträge darüber, {amount} nicht berechnet",
        ),
        "cost_by_month": ("Cost by month, against the plan of {day}", "Kosten je Monat, gegen den Plan vom {day}"),
        "revenue_by_month": (
            "Revenue by month, against the plan of {day}",
            "Umsatz je Monat, gegen den Plan vom {day}",
        ),
        "hours_by_month": ("Hours by month, against the plan of {day}", "Stunden je Monat, gegen den Plan vom {day}"),
        "burned": ("burned", "geleistet"),
        "to_come": ("still to come", "noch zu leisten"),
        "plan": ("plan", "Plan"),
        "month_column": ("Month", "Monat"),
        "plan_column": ("Plan", "Plan"),
        "burned_column": ("Burned", "Geleistet"),
        "to_come_column": ("To come", "Zu leisten"),
        "now_column": ("Now", "Jetzt"),
        "over_plan_column": ("Over plan", "Über Plan"),
        "all": ("All", "Alle"),
        "over_time": ("At completion, forecast by forecast", "Bei Fertigstellung, Prognose für Prognose"),
        "revenue": ("revenue", "Umsatz"),
        "cost": ("cost", "Kosten"),
        "margin": ("margin", "Marge"),
        "moved": ("What has changed since {day}", "Was sich seit {day} geändert hat"),
        "moved_by_cause": (
            "What has changed since {day}: margin at completion, by cause",
            "Was sich seit {day} geändert hat: Marge bei Fertigstellung, nach Ursachen",
        ),
        "nothing": ("Nothing.", "Nichts."),
        "cause_column": ("Cause", "Ursache"),
        "cost_column": ("Cost", "Kosten"),
        "revenue_column": ("Revenue", "Umsatz"),
        "margin_column": ("Margin", "Marge"),
        "change": ("Change", "Änderung"),
        "moves": ("Changes", "Änderungen"),
        "largest_moves": ("Changes, the largest {shown} of {count}", "Änderungen, die {shown} größten von {count}"),
        "day_column": ("Day", "Tag"),
        "causes_column": ("Causes", "Ursachen"),
        "events_column": ("Possible reasons", "Mögliche Gründe"),
        "more": ("and {count} more", "und {count} weitere"),
        "caps": ("Caps", "Höchstbeträge"),
        "cap_column": ("Cap", "Höchstbetrag"),
        "kind_column": ("Kind", "Art"),
        "used_column": ("Used", "Verbraucht"),
        "limit_column": ("Limit", "Grenze"),
        "used_up_column": ("Used up", "Erreicht"),
        "volume": ("volume", "Menge"),
        "rate": ("rate", "Satz"),
        "mix": ("mix", "Mischung"),
        "scope": ("scope", "Umfang"),
        "exchange_rate": ("exchange rate", "Wechselkurs"),
        "late_data": ("late data", "späte Daten"),
        "correction": ("correction", "Berichtigung"),
    }
)
