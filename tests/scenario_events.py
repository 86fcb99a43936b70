"""Statements of a scenario as events. The statements are described in docs/scenarios.md.

Every statement is turned into the JSON form of its event and read as an importer would send it, so that the schema
names what is wrong with a field. Versions are counted here unless the text gives one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from connectors.decode_error import DecodeError
from connectors.json_records import event_from_json
from domain.event_faults import first_fault
from domain.events.catalogue import Event
from domain.events.common import ContractLine, Policies
from domain.money import format_decimal
from domain.units import HOURS_SCALE
from domain.work.increments import hours_of
from tests.harness import ENGAGEMENT
from tests.scenario_text import Block, Line, Step

Value = Callable[["Words"], Any]
BEFORE_ALL = "2020-01-01"


class Words:
    """The words of one line, taken one after the other."""

    def __init__(self, line: Line, words: Iterable[str]) -> None:
        self.line = line
        self._words = list(words)

    def __bool__(self) -> bool:
        return bool(self._words)

    def take(self, what: str) -> str:
        if not self._words:
            raise self.line.wrong(f"expected {what}, the line ends")
        return self._words.pop(0)

    def skip(self, word: str) -> None:
        found = self.take(f"'{word}'")
        if found != word:
            raise self.line.wrong(f"expected '{word}', got '{found}'")

    def peek(self) -> str:
        return self._words[0]

    def next_is(self, *words: str) -> bool:
        return bool(self._words) and self._words[0] in words

    def amounts(self) -> list[str]:
        """The words that begin with a figure."""
        found = []
        while self and self.peek()[0] in "-0123456789":
            found.append(self.take("an amount"))
        return found

    def options(self, known: Mapping[str, tuple[str, Value]]) -> dict[str, Any]:
        """The rest of the line as `name value` pairs; a name that may come several times gathers a list or a mapping."""
        found: dict[str, Any] = {}
        while self:
            name = self.take("an option")
            if name not in known:
                raise self.line.wrong(f"expected one of {', '.join(known)}, got '{name}'")
            field, read = known[name]
            value = read(self)
            if isinstance(value, dict) and isinstance(found.get(field), dict):
                found[field] |= value
            elif field in found:
                raise self.line.wrong(f"'{name}' stands twice")
            else:
                found[field] = value
        return found


# Values


def text(words: Words) -> str:
    return words.take("a name")


def number(words: Words) -> str:
    return words.take("a number").replace(",", "")


def whole(words: Words) -> int:
    found = words.take("a whole number")
    if not found.isdigit():
        raise words.line.wrong(f"expected a whole number, got '{found}'")
    return int(found)


def names(words: Words) -> list[str]:
    return words.take("names with commas between").split(",")


def numbers(words: Words) -> list[str]:
    return words.take("numbers with commas between").split(",")


def moment(words: Words) -> str:
    return instant(words.take("an instant"), words.line)


def money(words: Words) -> dict[str, str]:
    return {"amount": number(words), "currency": words.take("a currency")}


def months(words: Words) -> list[dict[str, str]]:
    """`2026-07=10,2026-08=8`: hours by month."""
    said = (one.partition("=") for one in words.take("hours by month such as 2026-07=10").split(","))
    return [{"month": month, "hours": hours} for month, _, hours in said]


def order(words: Words) -> dict[str, str]:
    """`PO-1:10,000.00`, or the number of an order without a limit."""
    said, _, limit = words.take("a purchase order such as PO-1:10,000.00").partition(":")
    return {"number": said, **({"limit": limit.replace(",", "")} if limit else {})}


def _variable(words: Words) -> dict[str, Any]:
    """`variable BONUS 6,000.00`, or `variable BONUS 60:10,000.00 40:0.00 expected_value`."""
    item_id, stated = words.take("a variable part"), words.amounts()
    found = {"item_id": item_id, "kind": "bonus", "method": "most_likely", "included": True, **_estimated(stated)}
    return found | words.options(
        {
            "expected_value": ("method", flag("expected_value")),
            "not_included": ("included", flag(False)),
            "alone": ("of_line_alone", flag(True)),
            "unit_price": ("expected_unit_price", number),
        }
    )


def _estimated(stated: list[str]) -> dict[str, Any]:
    """An amount, or outcomes with their probabilities: `60:10,000.00`."""
    pairs = [one.replace(",", "").partition(":") for one in stated]
    if any(colon for _, colon, _ in pairs):
        return {"outcomes": [{"probability": percent, "amount": amount} for percent, _, amount in pairs]}
    return {"amount": pairs[0][0]} if pairs else {}


def flag(value: object) -> Value:
    return lambda _: value


def policy(words: Words) -> dict[str, Any]:
    """`rounding_scope=line`; lists with commas, yes and no for what is true or false."""
    name, _, value = words.take("a policy such as cap_split=split").partition("=")
    if name not in Policies._fields:
        raise words.line.wrong(f"there is no policy '{name}'")
    kind = re.findall(r"\w+", str(Policies.__annotations__[name]))
    if "tuple" in kind:
        return {name: value.split(",")}
    if "bool" in kind:
        return {name: {"yes": True, "no": False}.get(value, value)}
    if "int" in kind:
        return {name: int(value) if value.isdigit() else value}
    if name == "billing_cycle":
        return {name: {"kind": value}}
    return {name: value.replace(",", "")}


def instant(found: str, line: Line) -> str:
    """RFC 3339; without an offset it is UTC, without a time it is noon."""
    try:
        moment = datetime.fromisoformat(found if "T" in found else f"{found}T12:00")
    except ValueError:
        raise line.wrong(f"expected a date or an instant such as 2026-06-30T23:30-07:00, got '{found}'") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()


RATE_OPTIONS: Mapping[str, tuple[str, Value]] = {
    "task": ("task", text),
    "person": ("person_id", text),
    "role": ("role", text),
    "from": ("effective_from", text),
    "overtime": ("overtime_markup", number),
}
CAP_OPTIONS: Mapping[str, tuple[str, Value]] = {
    "hours": ("hours", number),
    "per": ("period", text),
    "split": ("split", text),
    "includes": ("includes", names),
    "limits_revenue": ("limits_revenue", lambda words: words.take("yes or no") == "yes"),
    "thresholds": ("thresholds", numbers),
    "lines": ("lines", names),
}
LINE_OPTIONS: Mapping[str, tuple[str, Value]] = {
    "tasks": ("tasks", names),
    "takes": ("takes", names),
    "card": ("rate_card_id", text),
    "policy": ("policies", policy),
    "revenue": ("revenue_policy", text),
    "tax": ("tax_category", text),
    "budget": ("cost_budget", number),
    "obligation": ("performance_obligation", text),
    "standalone": ("standalone_price", number),
    "residual": ("standalone_residual", flag(True)),
    "includes": ("price_includes", names),
}
CONTRACT_OPTIONS: Mapping[str, tuple[str, Value]] = {
    "from": ("starts_on", text),
    "to": ("ends_on", text),
    "cycle": ("kind", text),
    "cut_off": ("cut_off_day", whole),
    "every": ("n", whole),
    "anchor": ("anchor", text),
    "week_starts_on": ("week_starts_on", text),
    "zone": ("billing_zone", text),
    "grace": ("grace_days", whole),
    "bill_to": ("bill_to", names),
    "order": ("purchase_order", order),
    "funding": ("funding", names),
    "rules": ("rules", names),
    "retention": ("retention", names),
    "release_on": ("release_on", text),
    "policy": ("policies", policy),
    "version": ("version", whole),
}
AMENDMENT_OPTIONS: Mapping[str, tuple[str, Value]] = {
    **CONTRACT_OPTIONS,
    "from": ("effective_on", text),
    "starts": ("starts_on", text),
    "treatment": ("treatment", text),
    "retroactive": ("retroactive", flag(True)),
    "unapproved": ("approved_by", flag(None)),
    "approved_by": ("approved_by", text),
    "requested_by": ("requested_by", text),
    "replaces": ("replaces_version", whole),
    "currency": ("currency", text),
}
TIME_OPTIONS: Mapping[str, tuple[str, Value]] = {
    "on": ("worked_on", text),
    "start": ("started_at", moment),
    "end": ("ended_at", moment),
    "project": ("project_id", text),
    "billable": ("billable_hours", number),
    "not_billable": ("billable", flag(False)),
    "charged": ("billable", flag(True)),
    "billed_elsewhere": ("billed_elsewhere", flag(True)),
    "billed_here": ("billed_elsewhere", flag(False)),
    "task": ("task", text),
    "role": ("role", text),
    "line": ("line_id", text),
    "overtime": ("overtime", flag(True)),
    "rate": ("rate", number),
    "rate_by": ("rate_approved_by", text),
    "submitted_by": ("submitted_by", text),
    "approved_by": ("approved_by", text),
    "approved_at": ("approved_at", moment),
    "person": ("person_id", text),
    "dimension": ("dimensions", lambda words: dict([words.take("a dimension and its value").split("=", 1)])),
    "version": ("version", whole),
}
ERP_OPTIONS: Mapping[str, tuple[str, Value]] = {"by": ("erp", text), "attempt": ("attempt", whole)}
EXPENSE_OPTIONS: Mapping[str, tuple[str, Value]] = {
    "on": ("spent_on", text),
    "person": ("person_id", text),
    "supplier": ("supplier_id", text),
    "project": ("project_id", text),
    "line": ("line_id", text),
    "task": ("task", text),
    "quantity": ("quantity", number),
    "tax": ("tax_amount", number),
    "recoverable": ("tax_recoverable", number),
    "description": ("description", text),
    "not_billable": ("billable", flag(False)),
    "submitted_by": ("submitted_by", text),
    "approved_by": ("approved_by", text),
    "version": ("version", whole),
}
DELIVERY_OPTIONS: Mapping[str, tuple[str, Value]] = {
    "on": ("delivered_on", text),
    "contract": ("contract_id", text),
    "project": ("project_id", text),
    "no_project": ("project_id", flag(None)),
    "version": ("version", whole),
}
TAX_KINDS = ("reverse_charge", "exempt", "outside_scope")
PARTS_OF_CYCLE = ("kind", "cut_off_day", "n", "anchor", "week_starts_on")


class Teller:
    """Turns statements into events and remembers what it said, so that a correction need only state what changes."""

    def __init__(
        self, exceptions: Mapping[tuple[str, str], str], journals: Mapping[str, list[str]] | None = None
    ) -> None:
        self._exceptions = exceptions
        self._journals = journals if journals is not None else {}
        self._versions: dict[tuple[str, str], int] = {}
        self._entries: dict[str, dict[str, Any]] = {}
        self._project = ""
        self._entity = ""
        self._now = ""
        self._told = 0
        self._line = Line("", 0, "")

    def event(self, step: Step, now: datetime) -> Event:
        verb = step.words[0]
        tell = VERBS.get(verb)
        head = step.statement.head
        if tell is None:
            raise head.wrong(f"expected one of {', '.join(VERBS)}, got '{verb}'")
        self._told += 1
        self._line = head
        self._now = (now + timedelta(seconds=self._told)).isoformat()
        self._day = step.when[:10] if step.when else BEFORE_ALL
        found = tell(self, Words(head, step.words[1:]), step.statement)
        stamped = {"event_id": f"e-{self._told}", "occurred_at": self._now, "source": "scenario", **found}
        try:
            event = event_from_json(stamped)
        except DecodeError as error:
            raise head.wrong(f"{found['type']}: {error}") from None
        fault = first_fault(event)
        if fault is not None:
            raise head.wrong(f"{found['type']}.{fault[0]}: {fault[1]}")
        return event

    def _version(self, kind: str, subject: str, stated: int | None = None) -> int:
        """The next version of a fact; one that the text gives counts on from there."""
        last = self._versions.get((kind, subject), 0)
        version = last + 1 if stated is None else stated
        self._versions[kind, subject] = max(last, version)
        return version

    # Reference data

    def _entity_defined(self, words: Words, _: Block) -> dict[str, Any]:
        entity_id = words.take("a legal entity")
        self._entity = self._entity or entity_id
        found = {
            "type": "LegalEntityDefined",
            "legal_entity_id": entity_id,
            "name": entity_id,
            "version": self._version("entity", entity_id),
            "currency": words.take("a currency"),
            "zone": words.take("a zone"),
        }
        options = words.options(
            {
                "calendar": ("kind", text),
                "year_starts_on": ("year_starts_on", text),
                "extra_week": ("extra_week", lambda w: [int(year) for year in names(w)]),
                "policy": ("policies", policy),
                "region": ("tax_region", text),
            }
        )
        calendar = {"kind": "calendar_month"}
        calendar |= {name: options.pop(name) for name in ("kind", "year_starts_on", "extra_week") if name in options}
        return {**found, "fiscal_calendar": calendar, **options}

    def _customer_defined(self, words: Words, _: Block) -> dict[str, Any]:
        customer_id = words.take("a customer")
        found: dict[str, Any] = {"type": "CustomerDefined", "customer_id": customer_id, "name": customer_id}
        found["version"] = self._version("customer", customer_id)
        stated = {"parent": ("parent_customer_id", text), "pays_in": ("payment_terms_days", whole)}
        return {**found, **words.options({**stated, "region": ("tax_region", text)})}

    def _tax_policy_defined(self, words: Words, _block: Block) -> dict[str, Any]:
        """Rules such as `*=19`, `*=16:2026-07-01` from a day on, `export=reverse_charge`."""
        region = words.take("a tax region")
        rules = []
        while words:
            category, _, said = words.take("a rule").partition("=")
            rate, _, since = said.partition(":")
            how = {"kind": rate, "percent": "0"} if rate in TAX_KINDS else {"kind": "output", "percent": rate}
            rules.append({"category": category, **how, "effective_from": since or None})
        version = self._version("tax_policy", region)
        return {"type": "TaxPolicyDefined", "tax_region": region, "version": version, "rules": rules}

    def _person_defined(self, words: Words, _: Block) -> dict[str, Any]:
        person_id, role = words.take("a person"), words.take("a role")
        words.skip("of")
        return {
            "type": "PersonDefined",
            "person_id": person_id,
            "role": role,
            "legal_entity_id": words.take("a legal entity"),
            "version": self._version("person", person_id),
            **words.options(
                {
                    "from": ("effective_from", text),
                    "practice": ("practice", text),
                    "region": ("region", text),
                    "cost_center": ("cost_center", text),
                    "rate": ("bill_rate", money),
                }
            ),
        }

    def _cost_rate_set(self, words: Words, _: Block) -> dict[str, Any]:
        kind, whose = words.take("person or role"), words.take("a name")
        if kind not in ("person", "role"):
            raise words.line.wrong(f"expected person or role, got '{kind}'")
        price = money(words)
        found: dict[str, Any] = {
            "type": "CostRateSet",
            f"{kind}_id" if kind == "person" else kind: whose,
            "rate": price["amount"],
            "currency": price["currency"],
            "effective_from": BEFORE_ALL,
            **words.options(
                {"from": ("effective_from", text), "to": ("effective_to", text), "entity": ("legal_entity_id", text)}
            ),
        }
        found["cost_rate_id"] = "/".join(filter(None, (kind, whose, found.get("legal_entity_id"))))
        found["version"] = self._version("cost", found["cost_rate_id"])
        return found

    def _card_published(self, words: Words, block: Block) -> dict[str, Any]:
        card_id = words.take("a rate card")
        kind, _, scope = words.take("a scope such as global or customer:C").partition(":")
        found = {
            "type": "RateCardPublished",
            "rate_card_id": card_id,
            "version": self._version("card", card_id),
            "scope": {"kind": kind, "id": scope or None},
            "currency": words.take("a currency"),
            "effective_from": BEFORE_ALL,
            **words.options({"from": ("effective_from", text), "to": ("effective_to", text)}),
        }
        return {**found, "lines": [_rate(line) for line in block.rest]}

    def _capacity_set(self, words: Words, _: Block) -> dict[str, Any]:
        found = {"type": "PersonCapacitySet", "person_id": words.take("a person"), "month": words.take("a month")}
        version = self._version("capacity", "/".join(found.values()))
        return {**found, "hours": number(words), "version": version}

    def _transfer_price_set(self, words: Words, _: Block) -> dict[str, Any]:
        found = {"type": "TransferPriceSet", "transfer_price_id": words.take("a transfer price")}
        found |= {"lending_entity_id": words.take("who lends"), "borrowing_entity_id": words.take("who borrows")}
        named = words.take("how") if words.next_is("markup", "of_bill") else "rate"
        price, way = money(words), {"of_bill": "bill_percent"}.get(named, named)
        stated = {way: price["amount"], "currency": price["currency"], "effective_from": self._day}
        more = words.options({"from": ("effective_from", text), "role": ("role", text)})
        return {**found, **stated, **more, "version": self._version("transfer", found["transfer_price_id"])}

    def _exchange_rate_set(self, words: Words, _: Block) -> dict[str, Any]:
        found = {
            "type": "ExchangeRateSet",
            "from_currency": words.take("a currency"),
            "to_currency": words.take("a currency"),
            "rate": number(words),
            "rate_type": "spot",
            "date": self._day,
            **words.options({"on": ("date", text), "type": ("rate_type", text)}),
        }
        name = "/".join(str(found[part]) for part in ("rate_type", "from_currency", "to_currency", "date"))
        return {**found, "version": self._version("exchange", name)}

    def _period_closed(self, words: Words, _: Block) -> dict[str, Any]:
        return self._period("AccountingPeriodClosed", words)

    def _period_reopened(self, words: Words, _: Block) -> dict[str, Any]:
        return self._period("AccountingPeriodReopened", words)

    def _period(self, name: str, words: Words) -> dict[str, Any]:
        words.skip("period")
        entity_id, period = words.take("a legal entity"), words.take("a period")
        people = {"requested_by": ("requested_by", text), "approved_by": ("approved_by", text)}
        found = words.options({**people, "version": ("version", whole)})
        return {
            "type": name,
            "legal_entity_id": entity_id,
            "period": period,
            "requested_by": "controller",
            "approved_by": "cfo",
            **found,
            "version": self._version("period", f"{entity_id}/{period}", found.get("version")),
        }

    # Commercial

    def _contract_signed(self, words: Words, block: Block) -> dict[str, Any]:
        contract_id = words.take("a contract")
        found = {
            "type": "ContractSigned",
            "contract_id": contract_id,
            "customer_id": words.take("a customer"),
            "legal_entity_id": words.take("a legal entity"),
            "currency": words.take("a currency"),
            "signed_on": "2026-01-01",
            "starts_on": "2026-01-01",
            **words.options(CONTRACT_OPTIONS),
        }
        found["version"] = self._version("contract", contract_id, found.get("version"))
        found["lines"], shared = _terms(block.rest)
        return {**_contract(found), "shared_caps": shared}

    def _contract_amended(self, words: Words, block: Block) -> dict[str, Any]:
        contract_id = words.take("a contract")
        last = self._versions.get(("contract", contract_id), 0)
        found = {
            "type": "ContractAmended",
            "contract_id": contract_id,
            "effective_on": self._day,
            "treatment": "prospective",
            "requested_by": "account_manager",
            "approved_by": "director",
            **words.options(AMENDMENT_OPTIONS),
        }
        found["version"] = self._version("contract", contract_id, found.get("version"))
        found.setdefault("replaces_version", found["version"] - 1 if last else 1)
        lines, shared = _terms(block.rest)
        stated = {name: value for name, value in (("lines", lines), ("shared_caps", shared)) if value}
        return {**_contract(found), **stated}

    def _contract_terminated(self, words: Words, _: Block) -> dict[str, Any]:
        contract_id = words.take("a contract")
        found: dict[str, Any] = {"type": "ContractTerminated", "contract_id": contract_id, "effective_on": self._day}
        stated = words.options({"on": ("effective_on", text), "version": ("version", whole)})
        stated["version"] = self._version("contract", contract_id, stated.get("version"))
        return {**found, **stated}

    def _balances_brought_forward(self, words: Words, block: Block) -> dict[str, Any]:
        """`brought forward P as_of 2026-06-30`, below it a line for each contract line and each invoice that is not paid in full."""
        words.skip("forward")
        project_id = words.take("a project")
        stated = words.options({"as_of": ("as_of", text), "version": ("version", whole)})
        version = self._version("brought_forward", project_id, stated.pop("version", None))
        found: dict[str, Any] = {"type": "BalancesBroughtForward", "project_id": project_id, "as_of": self._day}
        lines: list[dict[str, Any]] = []
        receivables: list[dict[str, Any]] = []
        for line in block.rest:
            below = Words(line, line.words)
            match below.take("line, each or receivable"):
                case "line":
                    lines.append({"line_id": below.take("a line"), **_fields(below)})
                case "receivable":
                    receivables.append({"invoice_id": below.take("an invoice"), **_fields(below)})
                case "each" if lines:
                    lines[-1].setdefault(below.take("a list such as milestones or caps"), []).append(_fields(below))
                case kind:
                    raise line.wrong(f"expected a line, a receivable or, below a line, each; got '{kind}'")
        found |= {"engagement_id": ENGAGEMENT, **stated, "version": version}
        return {**found, "lines": lines, "receivables": receivables}

    # Delivery

    def _project_activated(self, words: Words, _: Block) -> dict[str, Any]:
        project_id = words.take("a project")
        self._project = self._project or project_id
        words.skip("of")
        found = {
            "type": "ProjectActivated",
            "project_id": project_id,
            "name": project_id,
            "legal_entity_id": words.take("a legal entity"),
            "starts_on": "2026-01-01",
            "version": self._version("project", project_id),
            **words.options(
                {
                    "from": ("starts_on", text),
                    "to": ("ends_on", text),
                    "practice": ("practice", text),
                    "region": ("region", text),
                    "cost_center": ("cost_center", text),
                    "version": ("version", whole),
                }
            ),
        }
        dimensions = {name: found.pop(name) for name in ("practice", "region", "cost_center") if name in found}
        return {**found, "dimensions": dimensions}

    def _project_closed(self, words: Words, _: Block) -> dict[str, Any]:
        project_id = words.take("a project")
        found: dict[str, Any] = {"type": "ProjectClosed", "project_id": project_id, "ends_on": self._day}
        found["version"] = self._version("project", project_id)
        return {**found, **words.options({"on": ("ends_on", text), "version": ("version", whole)})}

    def _estimate_revised(self, words: Words, block: Block) -> dict[str, Any]:
        """`estimate P 100 h 10,000.00`: what remains after today, in today's month unless said; more in rows `and` below."""
        project_id = words.take("a project")
        remaining = {"month": self._day[:7], "hours": number(words)}
        words.skip("h")
        remaining["cost"] = number(words)
        of_row: dict[str, tuple[str, Any]] = {
            "revenue": ("revenue", number),
            "month": ("month", text),
            "category": ("category", text),
        }
        stated = words.options(
            {
                **of_row,
                "on": ("as_of", text),
                "line": ("line_id", text),
                "of": ("contract_id", text),
                "in": ("currency", text),
                "version": ("version", whole),
            }
        )
        remaining |= {name: stated.pop(name) for name in ("revenue", "month", "category") if name in stated}
        of = " ".join((project_id, *filter(None, [stated.get("line_id")])))
        found: dict[str, Any] = {"type": "EstimateRevised", "project_id": project_id, "as_of": self._day, **stated}
        version = self._version("estimate", of, stated.get("version"))
        rows = [remaining]
        for line in block.rest:
            below = Words(line, line.words)
            below.skip("and")
            row = {"month": remaining["month"], "hours": number(below)}
            below.skip("h")
            rows.append({**row, "cost": number(below), **below.options(of_row)})
        return {**found, "remaining": rows, "version": version}

    def _resource_assigned(self, words: Words, _: Block) -> dict[str, Any]:
        assignment_id = words.take("an assignment")
        return {
            "type": "ResourceAssigned",
            "assignment_id": assignment_id,
            "version": self._version("assignment", assignment_id),
            "project_id": self._project,
            "person_id": words.take("a person"),
            "role": words.take("a role"),
            "starts_on": "2026-01-01",
            **words.options(
                {
                    "from": ("starts_on", text),
                    "to": ("ends_on", text),
                    "project": ("project_id", text),
                    "rate": ("bill_rate", money),
                    "planned": ("planned", months),
                }
            ),
        }

    def _time_approved(self, words: Words, _: Block) -> dict[str, Any]:
        entry_id = words.take("a time entry")
        stated = {"person_id": words.take("a person"), **_hours(words), **words.options(TIME_OPTIONS)}
        found = {
            "type": "TimeApproved",
            "entry_id": entry_id,
            "project_id": self._project,
            "approved_by": "boss",
            **({} if "started_at" in stated else {"worked_on": self._day}),
            **stated,
        }
        return self._entry(entry_id, found)

    def _time_corrected(self, words: Words, _: Block) -> dict[str, Any]:
        entry_id = words.take("a time entry")
        before = self._known(entry_id, words)
        hours = _hours(words)
        gone = {"version", "occurred_at", *({"seconds"} if hours else ())}
        before = {name: value for name, value in before.items() if name not in gone}
        return self._entry(entry_id, {**before, **hours, **words.options(TIME_OPTIONS)})

    def _time_repeated(self, words: Words, _: Block) -> dict[str, Any]:
        """The same version again; with options the same version with other content."""
        entry_id = words.take("a time entry")
        again = {**self._known(entry_id, words), "recorded_at": self._now}
        return {**again, **_hours(words), **words.options(TIME_OPTIONS)}

    def _entry(self, entry_id: str, found: dict[str, Any]) -> dict[str, Any]:
        found["version"] = self._version("entry", entry_id, found.get("version"))
        found = {"occurred_at": self._now, "approved_at": self._now, **found}
        self._entries[entry_id] = found
        return found

    def _known(self, entry_id: str, words: Words) -> dict[str, Any]:
        if entry_id not in self._entries:
            raise words.line.wrong(f"expected an entry that was approved before, got '{entry_id}'")
        return self._entries[entry_id]

    def _time_withdrawn(self, words: Words, _: Block) -> dict[str, Any]:
        entry_id = words.take("a time entry")
        options = words.options({"version": ("version", whole)})
        version = self._version("entry", entry_id, options.get("version"))
        return {"type": "TimeWithdrawn", "entry_id": entry_id, "version": version}

    def _expense_approved(self, words: Words, _: Block) -> dict[str, Any]:
        """`expense E-1 travel 120.00 USD person bob markup`; correct and repeat take it as they take time."""
        expense_id = words.take("an expense")
        found = {
            "type": "ExpenseApproved",
            "expense_id": expense_id,
            "project_id": self._project,
            "category": words.take("a category"),
            **money(words),
            "spent_on": self._day,
            "approved_by": "boss",
            "approved_at": self._now,
            **words.options(EXPENSE_OPTIONS),
        }
        return {**found, "version": self._version("expense", expense_id, found.get("version"))}

    def _expense_withdrawn(self, words: Words, _: Block) -> dict[str, Any]:
        expense_id = words.take("an expense")
        options = words.options({"version": ("version", whole)})
        version = self._version("expense", expense_id, options.get("version"))
        return {"type": "ExpenseWithdrawn", "expense_id": expense_id, "version": version}

    def _units_delivered(self, words: Words, _: Block) -> dict[str, Any]:
        delivery_id = words.take("a delivery")
        found = {
            "type": "UnitsDelivered",
            "delivery_id": delivery_id,
            "line_id": words.take("a line"),
            "units": number(words),
            "delivered_on": self._day,
            "project_id": self._project,
            **words.options(DELIVERY_OPTIONS),
        }
        return {**found, "version": self._version("delivery", delivery_id, found.get("version"))}

    def _milestone_accepted(self, words: Words, _: Block) -> dict[str, Any]:
        milestone_id = words.take("a milestone")
        found = {
            "type": "MilestoneAccepted",
            "milestone_id": milestone_id,
            "accepted_on": self._day,
            "approved_by": "client",
            **words.options(
                {
                    "on": ("accepted_on", text),
                    "contract": ("contract_id", text),
                    "line": ("line_id", text),
                    "version": ("version", whole),
                }
            ),
        }
        return {**found, "version": self._version("milestone", milestone_id, found.get("version"))}

    def _milestone_revoked(self, words: Words, _: Block) -> dict[str, Any]:
        words.skip("milestone")
        milestone_id = words.take("a milestone")
        found = {
            "type": "MilestoneRevoked",
            "milestone_id": milestone_id,
            "accepted_on": self._day,
            "approved_by": "client",
            **words.options({"version": ("version", whole)}),
        }
        return {**found, "version": self._version("milestone", milestone_id, found.get("version"))}

    def _progress_reported(self, words: Words, _: Block) -> dict[str, Any]:
        line_id = words.take("a line")
        found = {
            "type": "ProgressReported",
            "line_id": line_id,
            "percent": number(words),
            "as_of": self._day,
            **words.options({"on": ("as_of", text), "contract": ("contract_id", text), "version": ("version", whole)}),
        }
        return {**found, "version": self._version("progress", line_id, found.get("version"))}

    def _hold_placed(self, words: Words, _: Block) -> dict[str, Any]:
        hold_id = words.take("a hold")
        found = {
            "type": "BillingHoldPlaced",
            "hold_id": hold_id,
            "scope": {"kind": words.take("a scope"), "id": words.take("what is held")},
            "reason": "scenario",
            "placed_on": self._day,
            **words.options({"placed": ("placed_on", text), "version": ("version", whole)}),
        }
        return {**found, "version": self._version("hold", hold_id, found.get("version"))}

    def _hold_released(self, words: Words, _: Block) -> dict[str, Any]:
        hold_id = words.take("a hold")
        options = words.options({"version": ("version", whole)})
        version = self._version("hold", hold_id, options.get("version"))
        return {"type": "BillingHoldReleased", "hold_id": hold_id, "version": version}

    def _statement_requested(self, words: Words, _: Block) -> dict[str, Any]:
        words.skip("statement")
        found = {
            "type": "StatementRequested",
            "request_id": words.take("a request"),
            "contract_id": words.take("a contract"),
        }
        known = {"from": ("period", text), "to": ("to", text), "requested_by": ("requested_by", text)}
        return {**found, **words.options(known)}

    # Finance and control

    def _statement_approved(self, words: Words, _: Block) -> dict[str, Any]:
        return {"type": "StatementApproved", **self._of_draft(words), "approved_by": words.take("an approver")} | (
            words.options({"requested_by": ("requested_by", text)})
        )

    def _statement_returned(self, words: Words, _: Block) -> dict[str, Any]:
        return {
            "type": "StatementReturned",
            **self._of_draft(words),
            "reason": "scenario",
            "requested_by": "controller",
        }

    def _of_draft(self, words: Words) -> dict[str, Any]:
        named = f"{ENGAGEMENT}.{words.take('a statement')}"
        words.skip("revision")
        return {"statement_id": named, "revision": whole(words)}

    def _invoice_posted(self, words: Words, _: Block) -> dict[str, Any]:
        return {
            "type": "InvoicePosted",
            "invoice_id": words.take("an invoice"),
            **_statement(words),
            "amount": number(words),
            "posted_on": self._day,
            **words.options(
                {
                    "on": ("posted_on", text),
                    "tax": ("tax_amount", number),
                    "rate": ("exchange_rate", number),
                    "clearing": ("clears_unbilled", flag(True)),
                }
            ),
        }

    def _credit_memo_issued(self, words: Words, _: Block) -> dict[str, Any]:
        lines: list[dict[str, str]] = []
        made = {
            "type": "CreditMemoIssued",
            "credit_memo_id": words.take("a credit memo"),
            "invoice_id": words.take("an invoice"),
            "kind": words.take("a kind"),
            "lines": lines,
            "issued_on": self._day,
            "requested_by": "project_manager",
            "approved_by": "controller",
        }
        while words.next_is("entry", "line"):
            line = {f"{words.take('entry or line')}_id": words.take("a name")}
            value = number(words)
            if words.next_is("h"):
                words.skip("h")
                line["hours"] = value
            else:
                line["amount"] = value
            lines.append(line)
        return made | words.options(
            {
                "on": ("issued_on", text),
                "tax": ("tax_amount", number),
                "requested_by": ("requested_by", text),
                "approved_by": ("approved_by", text),
                "unapproved": ("approved_by", flag(None)),
            }
        )

    def _invoice_rejected(self, words: Words, _: Block) -> dict[str, Any]:
        """`refuse invoice of K/C/2026-06-01/1 customer because account`."""
        words.skip("invoice")
        words.skip("of")
        return {
            "type": "InvoiceRejected",
            **_statement(words),
            "code": words.take("a code"),
            "message": "scenario",
            **words.options({"because": ("because", text)}),
        }

    def _posting_accepted(self, words: Words, _: Block) -> dict[str, Any]:
        """`posted JE-1 posting:T-1,posting:T-2 attempt 2 on 2026-06-05`, or `accepted JE-1 ...`."""
        return (
            self._of_erp(words, "PostingAccepted", "erp_reference")
            | {"state": "posted", "posted_on": self._day}
            | (words.options({**ERP_OPTIONS, "on": ("posted_on", text), "period": ("period", text)}))
        )

    def _posting_taken(self, words: Words, block: Block) -> dict[str, Any]:
        return {**self._posting_accepted(words, block), "state": "accepted"}

    def _posting_rejected(self, words: Words, _: Block) -> dict[str, Any]:
        """`rejected INVALID_ACCOUNT posting:T-1 because data field account`."""
        found = self._of_erp(words, "PostingRejected", "code") | {"message": "scenario"}
        return found | words.options({**ERP_OPTIONS, "because": ("because", text), "field": ("field", text)})

    def _of_erp(self, words: Words, kind: str, field: str) -> dict[str, Any]:
        said = words.take("what the ERP says")
        found = [self._journal(name, words) for name in names(words)]
        named = {"journal_id": found[0]} if len(found) == 1 else {"batch_id": "+".join(found), "journals": found}
        return {"type": kind, field: said, **named, "erp": "books", "attempt": 1}

    def _control_total(self, words: Words, _: Block) -> dict[str, Any]:
        """`source_total time 2026-06 12 hours 96 amount 1,200.00 USD`, of the first project unless said."""
        found: dict[str, Any] = {"type": "ControlTotal", "kind": words.take("a kind")}
        found |= {"period": words.take("a period"), "entry_count": whole(words), "project_id": self._project}
        known = {"hours": ("hours", number), "amount": ("amount", number), "currency": ("currency", text)}
        named = {
            "project": ("project_id", text),
            "no_project": ("project_id", flag(None)),
            "in": ("legal_entity_id", text),
        }
        return {**found, **words.options({**known, **named, "from": ("source", text)})}

    def _ledger_reconciled(self, words: Words, block: Block) -> dict[str, Any]:
        """Below it a line `difference KEY CAUSE AMOUNT CURRENCY [account ACCOUNT] [journals posting:T-1]` for each."""
        entity_id, period = words.take("a legal entity"), words.take("a period")
        stated = words.options({"by": ("erp", text), "version": ("version", whole)})
        version = self._version("reconciliation", f"{entity_id}/{period}", stated.pop("version", None))
        return {
            "type": "LedgerReconciled",
            "legal_entity_id": entity_id,
            "period": period,
            "erp": "books",
            "sums": [],
            "differences": [self._difference(Words(line, line.words)) for line in block.rest],
            **stated,
            "version": version,
        }

    def _difference(self, words: Words) -> dict[str, Any]:
        words.skip("difference")
        found = {"key": words.take("a key"), "cause": words.take("a cause"), "message": "scenario", **money(words)}
        stated = words.options({"account": ("account", text), "journals": ("journals", names)})
        named = [self._journal(name, words) for name in stated.pop("journals", ())]
        return {**found, **stated, "journals": named}

    def _journal(self, name: str, words: Words) -> str:
        """Of an id that no journal has, `unknown:X`."""
        if name.startswith("unknown:"):
            return f"{ENGAGEMENT}.{name.partition(':')[2]}"
        found = journal_named(self._journals, name)
        if found is None:
            raise words.line.wrong(f"expected a journal that was made before, got '{name}'")
        return found

    def _payment_received(self, words: Words, _: Block) -> dict[str, Any]:
        return {
            "type": "PaymentReceived",
            "payment_id": words.take("a payment"),
            "customer_id": words.take("a customer"),
            "amount": number(words),
            "currency": words.take("a currency"),
            "received_on": self._day,
            **words.options(
                {
                    "on": ("received_on", text),
                    "rate": ("exchange_rate", number),
                    "project": ("project_id", text),
                    "for": ("applications", _applications),
                }
            ),
        }

    def _payment_applied(self, words: Words, _: Block) -> dict[str, Any]:
        return {
            "type": "PaymentApplied",
            "application_id": words.take("an application"),
            "payment_id": words.take("a payment"),
            "customer_id": words.take("a customer"),
            "currency": words.take("a currency"),
            "applied_on": self._day,
            **words.options(
                {"on": ("applied_on", text), "rate": ("exchange_rate", number), "for": ("applications", _applications)}
            ),
        }

    def _payment_reversed(self, words: Words, _: Block) -> dict[str, Any]:
        words.skip("payment")
        return {
            "type": "PaymentReversed",
            "payment_id": words.take("a payment"),
            **words.options(
                {"on": ("received_on", text), "amount": ("amount", number), "customer": ("customer_id", text)}
            ),
        }

    def _written_off(self, words: Words, _: Block) -> dict[str, Any]:
        what = words.take("receivable or unbilled")
        write_off_id = words.take("a write-off")
        given_up = words.take("an invoice, or entries")
        return {
            "type": "WrittenOff",
            "what": what,
            "write_off_id": write_off_id,
            **({"invoice_id": given_up} if what == "receivable" else {"entries": given_up.split(",")}),
            "amount": number(words),
            "currency": words.take("a currency"),
            "written_off_on": self._day,
            "reason": "scenario",
            "requested_by": "controller",
            "approved_by": "cfo",
            **words.options(
                {
                    "on": ("written_off_on", text),
                    "requested_by": ("requested_by", text),
                    "approved_by": ("approved_by", text),
                    "unapproved": ("approved_by", flag(None)),
                }
            ),
        }

    def _revenue_adjusted(self, words: Words, _: Block) -> dict[str, Any]:
        words.skip("revenue")
        return {
            "type": "RevenueAdjusted",
            "adjustment_id": words.take("an adjustment"),
            "contract_id": words.take("a contract"),
            "line_id": words.take("a contract line"),
            "amount": number(words),
            "currency": words.take("a currency"),
            "adjusted_on": self._day,
            "reason": "scenario",
            "requested_by": "controller",
            "approved_by": "cfo",
            **words.options(
                {
                    "on": ("adjusted_on", text),
                    "reverse_on": ("reverse_on", text),
                    "requested_by": ("requested_by", text),
                    "approved_by": ("approved_by", text),
                    "unapproved": ("approved_by", flag(None)),
                }
            ),
        }

    def _variable_consideration_revised(self, words: Words, _: Block) -> dict[str, Any]:
        """`revise BONUS of K L 6,000.00`; outcomes as `60:10,000.00 40:0.00`."""
        item_id = words.take("a variable part")
        words.skip("of")
        contract_id, line_id = words.take("a contract"), words.take("a contract line")
        stated = words.amounts()
        return {
            "type": "VariableConsiderationRevised",
            "contract_id": contract_id,
            "line_id": line_id,
            "item_id": item_id,
            "version": self._version("variable_consideration", f"{contract_id}/{line_id}/{item_id}"),
            "as_of": self._day,
            "included": True,
            "reason": "scenario",
            "requested_by": "controller",
            "approved_by": "cfo",
            **_estimated(stated),
            **words.options(
                {
                    "on": ("as_of", text),
                    "not_included": ("included", flag(False)),
                    "settled": ("settled", flag(True)),
                    "unit_price": ("expected_unit_price", number),
                    "requested_by": ("requested_by", text),
                    "approved_by": ("approved_by", text),
                    "version": ("version", whole),
                }
            ),
        }

    def _exception_waived(self, words: Words, _: Block) -> dict[str, Any]:
        return {"type": "ExceptionWaived", **self._decision(words)}

    def _exception_resolved(self, words: Words, _: Block) -> dict[str, Any]:
        return {"type": "ExceptionResolved", **self._decision(words)}

    def _exception_assigned(self, words: Words, _: Block) -> dict[str, Any]:
        exception_id = self._exception(words)
        return {
            "type": "ExceptionAssigned",
            "exception_id": exception_id,
            "version": self._version("decision", exception_id),
            "assignee": words.take("a person"),
            "requested_by": "project_manager",
        }

    def _exception(self, words: Words) -> str:
        category, subject = words.take("a category"), words.take("a subject")
        exception_id = self._exceptions.get((category, subject))
        if exception_id is None:
            raise words.line.wrong(f"expected an exception that was raised before, got {category} {subject}")
        return exception_id

    def _decision(self, words: Words) -> dict[str, Any]:
        exception_id = self._exception(words)
        return {
            "exception_id": exception_id,
            "version": self._version("decision", exception_id),
            "reason": "scenario",
            "requested_by": "project_manager",
            "approved_by": "controller",
            **words.options(
                {
                    "requested_by": ("requested_by", text),
                    "approved_by": ("approved_by", text),
                    "unapproved": ("approved_by", flag(None)),
                }
            ),
        }


def journal_named(made: Mapping[str, list[str]], name: str) -> str | None:
    """`posting:T-1` is the last of the name, `posting:T-1@1` the first."""
    base, _, number = name.partition("@")
    ids = made.get(base, [])
    place = int(number) - 1 if number else len(ids) - 1
    return ids[place] if 0 <= place < len(ids) else None


def _statement(words: Words) -> dict[str, Any]:
    """By its id, or by contract, period and sequence alone."""
    named = words.take("a statement")
    match named.split("/"):
        case [contract_id, period, sequence]:
            return {"statement": {"contract_id": contract_id, "period": period, "sequence": int(sequence)}}
        case _:
            return {"statement_id": f"{ENGAGEMENT}.{named}"}


def _hours(words: Words) -> dict[str, Any]:
    """`8 h` or `1:07:33`, where the next word is one of these."""
    if not words or words.next_is(*TIME_OPTIONS):
        return {}
    if re.fullmatch(r"\d+:\d\d:\d\d", words.peek()):
        hours, minutes, seconds = map(int, words.take("a duration").split(":"))
        whole_seconds = hours * 3600 + minutes * 60 + seconds
        return {"hours": format_decimal(hours_of(whole_seconds), HOURS_SCALE), "seconds": whole_seconds}
    found = number(words)
    words.skip("h")
    return {"hours": found}


def _contract(found: dict[str, Any]) -> dict[str, Any]:
    """Parts of the billing cycle and parties as the event has them."""
    cycle = {name: found.pop(name) for name in PARTS_OF_CYCLE if name in found}
    if cycle:
        found["billing_cycle"] = {"kind": "monthly", **cycle}
    if "bill_to" in found:
        parties = found["bill_to"]
        found["bill_to"] = [_party(party, 100 // len(parties)) for party in parties]
    if "funding" in found:
        rules = enumerate(found.pop("rules", ()), 1)
        found["funding"] = {
            "sources": [_source(source) for source in found["funding"]],
            "rules": [_funding_rule(priority, rule) for priority, rule in rules],
        }
    if "retention" in found or "release_on" in found:
        steps = [_retention_step(step) for step in found.pop("retention", ()) if step != "none"]
        day = {"release_on": found.pop("release_on")} if "release_on" in found else {}
        found["retention"] = {"steps": steps, **day}
    return found


def _party(said: str, share: int) -> dict[str, Any]:
    """`ID`, `ID:SHARE` or `ID:SHARE:rounding`."""
    customer_id, _, rest = said.partition(":")
    stated, _, rounding = rest.partition(":")
    return {"customer_id": customer_id, "share": stated or str(share), "rounding_party": rounding == "rounding"}


def _source(said: str) -> dict[str, Any]:
    """`SOURCE:CUSTOMER` or `SOURCE:CUSTOMER:LIMIT`."""
    source_id, customer_id, *limit = said.split(":")
    return {"source_id": source_id, "bill_to": customer_id, **({"limit": limit[0]} if limit else {})}


def _funding_rule(priority: int, said: str) -> dict[str, Any]:
    """`SOURCE:PERCENT+SOURCE:PERCENT`; one source alone pays all."""
    shares = [share.partition(":") for share in said.split("+")]
    return {
        "priority": priority,
        "shares": [{"source_id": source_id, "percent": percent or "100"} for source_id, _, percent in shares],
    }


def _retention_step(written: str) -> dict[str, str]:
    """`50/5/50`: at 50 % complete 5 % are withheld and 50 % released; `10` alone is withheld from the beginning."""
    at, withhold, release = written.split("/") if "/" in written else ("0", written, "0")
    return {"at_percent": at, "withhold_percent": withhold, "release_percent": release}


def _terms(lines: Iterable[Line]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Contract lines with their rates and caps, and shared caps."""
    found: list[dict[str, Any]] = []
    shared: list[dict[str, Any]] = []
    for line in lines:
        words = Words(line, line.words)
        match words.take("line, rate, cap or shared"):
            case "line":
                found.append(_contract_line(words))
            case "shared":
                words.skip("cap")
                shared.append({"cap_id": words.take("a cap"), **_cap(words)})
            case kind:
                if not found:
                    raise line.wrong(f"expected a line before its {kind}")
                if kind == "cap":
                    found[-1]["terms"]["cap"] = _cap(words)
                elif kind == "variable":
                    found[-1].setdefault("variable_consideration", []).append(_variable(words))
                elif kind == "terms":
                    found[-1]["terms"] = {"type": words.take("a kind of terms"), **_fields(words)}
                elif kind == "each":
                    _add_each(found[-1], words)
                else:
                    found[-1]["terms"].setdefault("rates", []).append(_rate(line))
    return found, shared


def _contract_line(words: Words) -> dict[str, Any]:
    found = {"line_id": words.take("a line"), "project_id": words.take("a project"), **words.options(LINE_OPTIONS)}
    terms = {"type": "TimeAndMaterials"}
    if "rate_card_id" in found:
        terms["rate_card_id"] = found.pop("rate_card_id")
    return {**found, "terms": terms}


def _add_each(line: dict[str, Any], words: Words) -> None:
    """One more of a list of the terms, or of the line (`budgets`)."""
    name = words.take("a list such as milestones or schedule")
    owner = line if name in ContractLine._fields else line["terms"]
    owner.setdefault(name, []).append(_fields(words))


def _fields(words: Words) -> dict[str, Any]:
    """`amount=10,000.00 by_progress=yes`, by the names of the schema; `top_up.below=10` is a field of a field."""
    found: dict[str, Any] = {}
    while words:
        name, _, value = words.take("a field such as price=10,000.00").partition("=")
        *owners, last = name.split(".")
        place = found
        for owner in owners:
            place = place.setdefault(owner, {})
        place[last] = value if last == "account" else _plain(value)
    return {name: _listed(value) for name, value in found.items()}


def _listed(value: Any) -> Any:
    """`tiers.1.up_to=100` is a field of the first of a list."""
    if isinstance(value, dict) and all(name.isdigit() for name in value):
        return [value[name] for name in sorted(value, key=int)]
    return value


def _plain(value: str) -> Any:
    if value in ("yes", "no"):
        return value == "yes"
    bare = value.replace(",", "")
    if bare.isdigit():
        return int(bare)
    return bare if bare.replace(".", "", 1).replace("-", "", 1).isdigit() else value


def _cap(words: Words) -> dict[str, Any]:
    """`hard 6,000.00 split reject_whole`, `hard hours 40`."""
    found = {"kind": words.take("hard or soft")}
    if words and not words.next_is(*CAP_OPTIONS):
        found["amount"] = number(words)
    return {**found, **words.options(CAP_OPTIONS)}


def _rate(line: Line) -> dict[str, Any]:
    words = Words(line, line.words)
    words.skip("rate")
    return {"rate": number(words), **words.options(RATE_OPTIONS)}


VERBS: Mapping[str, Callable[[Teller, Words, Block], dict[str, Any]]] = {
    "entity": Teller._entity_defined,
    "customer": Teller._customer_defined,
    "tax_policy": Teller._tax_policy_defined,
    "person": Teller._person_defined,
    "cost": Teller._cost_rate_set,
    "card": Teller._card_published,
    "exchange": Teller._exchange_rate_set,
    "capacity": Teller._capacity_set,
    "transfer": Teller._transfer_price_set,
    "close": Teller._period_closed,
    "reopen": Teller._period_reopened,
    "contract": Teller._contract_signed,
    "amend": Teller._contract_amended,
    "terminate": Teller._contract_terminated,
    "brought": Teller._balances_brought_forward,
    "project": Teller._project_activated,
    "end_project": Teller._project_closed,
    "assign": Teller._resource_assigned,
    "estimate": Teller._estimate_revised,
    "time": Teller._time_approved,
    "correct": Teller._time_corrected,
    "repeat": Teller._time_repeated,
    "withdraw": Teller._time_withdrawn,
    "expense": Teller._expense_approved,
    "withdraw_expense": Teller._expense_withdrawn,
    "units": Teller._units_delivered,
    "milestone": Teller._milestone_accepted,
    "revoke": Teller._milestone_revoked,
    "progress": Teller._progress_reported,
    "hold": Teller._hold_placed,
    "release": Teller._hold_released,
    "request": Teller._statement_requested,
    "approve": Teller._statement_approved,
    "return": Teller._statement_returned,
    "invoice": Teller._invoice_posted,
    "credit": Teller._credit_memo_issued,
    "posted": Teller._posting_accepted,
    "accepted": Teller._posting_taken,
    "rejected": Teller._posting_rejected,
    "source_total": Teller._control_total,
    "reconciled": Teller._ledger_reconciled,
    "refuse": Teller._invoice_rejected,
    "pay": Teller._payment_received,
    "apply": Teller._payment_applied,
    "bounce": Teller._payment_reversed,
    "write_off": Teller._written_off,
    "adjust": Teller._revenue_adjusted,
    "revise": Teller._variable_consideration_revised,
    "waive": Teller._exception_waived,
    "resolve": Teller._exception_resolved,
    "entrust": Teller._exception_assigned,
}


def _applications(words: Words) -> list[dict[str, str]]:
    """`INV-1=1,000.00`, as many as follow."""
    found = []
    while words and "=" in words.peek():
        invoice_id, _, amount = words.take("an invoice and an amount").partition("=")
        found.append({"invoice_id": invoice_id, "amount": amount.replace(",", "")})
    return found


def day_of(found: str, line: Line) -> date:
    try:
        return date.fromisoformat(found)
    except ValueError:
        raise line.wrong(f"expected a date such as 2026-06-30, got '{found}'") from None
