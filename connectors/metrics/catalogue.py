"""What is measured: every metric with its meaning, and the only values that its labels may have.

No label names a project, an engagement or a person: how many series there are follows from the topics, the shards and
the words of this page, and not from the firm.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from connectors.kafka.topics import TOPICS
from domain.exceptions import CATALOGUE as EXCEPTIONS
from domain.exceptions import EVERY_CATEGORY
from state import guards

COUNTER: Final = "counter"
GAUGE: Final = "gauge"
HISTOGRAM: Final = "histogram"
TOTAL: Final = "_total"

# What a label says where its value is none of those that are known.
OTHER: Final = "other"

GUARDS: Final[Mapping[int, str]] = {
    code: name.lower() for name, code in vars(guards).items() if name.isupper() and isinstance(code, int)
}
# A process that ended by a fault that no guard names.
FAULT: Final = "fault"

DATAFLOWS: Final = ("intake", "accounting", "view", "delivery")
# Why intake does not take a message, from the outside in.
REASON_CLASSES: Final = (
    "not_unpacked",
    "no_value",
    "too_large",
    "unknown_schema",
    "wrong_topic",
    "malformed",
    "invalid",
)

# What became of a document in one call to an ERP.
OUTCOMES: Final = (
    "posted",
    "accepted",
    "duplicate",
    "submitted",
    "rejected_data",
    "rejected_period",
    "throttled",
    "not_sent",
    "uncertain",
)
# Where documents of an ERP account stand; what was posted is counted by its outcome.
STANDINGS: Final = ("waiting", "unmapped", "to_send", "sent", "accepted", "rejected")

# A label that is not here is a number: of a shard or a partition, of which the settings allow 1,024.
VOCABULARIES: Final[Mapping[str, frozenset[str]]] = {
    "dataflow": frozenset(DATAFLOWS),
    "topic": frozenset(topic.name for topic in TOPICS),
    "reason_class": frozenset(REASON_CLASSES),
    "category": frozenset(EVERY_CATEGORY),
    "severity": frozenset(category.severity for category in EXCEPTIONS.values()),
    "guard": frozenset({*GUARDS.values(), FAULT}),
    "outcome": frozenset(OUTCOMES),
    "standing": frozenset(STANDINGS),
}
NUMBERS: Final = frozenset({"shard", "partition"})
NUMBER_MAX: Final = 1_024
# Names that are not ours: of the ERP account of a process, of which it has one, and of the currencies of the books.
FORMS: Final[Mapping[str, re.Pattern[str]]] = {
    "erp": re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"),
    "currency": re.compile(r"[A-Z]{3}"),
}
# What there is one of in a process.
OF_THE_BUILD: Final = frozenset({"version", "rules", "python"})

# From when it happened: producers that send once a day are distinguished from those that are slow.
EVENT_BUCKETS: Final = (
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    120.0,
    300.0,
    900.0,
    3_600.0,
    21_600.0,
    86_400.0,
)
LOG_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
COMMIT_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
CALL_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)
# Up to a month and more, where an entity sends once a period.
ACKNOWLEDGED_BUCKETS: Final = (
    1.0,
    5.0,
    15.0,
    60.0,
    300.0,
    900.0,
    3_600.0,
    14_400.0,
    43_200.0,
    86_400.0,
    172_800.0,
    604_800.0,
    2_678_400.0,
)
RECORD_BUCKETS: Final = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1_000.0, 2_000.0)
BYTE_BUCKETS: Final = tuple(float(256 << (2 * power)) for power in range(8))


class Measure(NamedTuple):
    """`name` as it stands on the page; a counter's ends with `_total`, a histogram has buckets."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def kind(self) -> str:
        if self.name.endswith(TOTAL):
            return COUNTER
        return HISTOGRAM if self.buckets else GAUGE


EVENTS_CONSUMED: Final = "milepost_events_consumed_total"
EVENTS_EMITTED: Final = "milepost_events_emitted_total"
OUTPUTS_SUPPRESSED: Final = "milepost_outputs_suppressed_total"
RECORDS_REJECTED: Final = "milepost_records_rejected_total"
DAYS_ENDED: Final = "milepost_days_ended_total"
GUARD_STOPS: Final = "milepost_guard_stops_total"
EVENT_TO_VISIBLE: Final = "milepost_event_to_visible_seconds"
LOG_TO_VISIBLE: Final = "milepost_log_to_visible_seconds"
COMMIT_SECONDS: Final = "milepost_commit_seconds"
BATCH_RECORDS: Final = "milepost_batch_records"
BATCH_BYTES: Final = "milepost_batch_bytes"
KAFKA_LAG: Final = "milepost_kafka_lag_records"
LAG_AGE: Final = "milepost_lag_age_seconds"
COMMIT_AGE: Final = "milepost_commit_age_seconds"
READY: Final = "milepost_ready"
LOG_PLACE: Final = "milepost_log_place"
STORE_BYTES: Final = "milepost_store_bytes"
EXCEPTIONS_OPEN: Final = "milepost_exceptions_open"
EXCEPTIONS_OLDEST: Final = "milepost_exceptions_oldest_age_seconds"
EVENT_TIME_LAG: Final = "milepost_event_time_lag_seconds"
UNROUTED_WAITING: Final = "milepost_unrouted_waiting"
ERP_ATTEMPTS: Final = "milepost_erp_delivery_attempts_total"
ERP_CALL_SECONDS: Final = "milepost_erp_call_seconds"
ERP_ACKNOWLEDGED: Final = "milepost_erp_acknowledged_seconds"
ERP_OLDEST: Final = "milepost_erp_unacknowledged_oldest_seconds"
ERP_ACCEPTED_OLDEST: Final = "milepost_erp_accepted_oldest_seconds"
ERP_DOCUMENTS: Final = "milepost_erp_documents"
ERP_QUOTA_LEFT: Final = "milepost_erp_quota_left_ratio"
ERP_PAUSED: Final = "milepost_erp_paused"
ERP_COMPANIES_MISSING: Final = "milepost_erp_companies_missing"
UNRECONCILED: Final = "milepost_unreconciled_amount"
LAST_GUARD_STOP: Final = "milepost_last_guard_stop_timestamp_seconds"
BUILD_INFO: Final = "milepost_build_info"

MEASURES: Final[tuple[Measure, ...]] = (
    Measure(
        EVENT_TO_VISIBLE, "From the event, by its producer's time, until readers see its outputs", buckets=EVENT_BUCKETS
    ),
    Measure(
        LOG_TO_VISIBLE, "From when the broker took a log record until readers see its outputs", buckets=LOG_BUCKETS
    ),
    Measure(
        KAFKA_LAG,
        "Records not committed yet; may count marks of transactions while a partition is being read",
        ("dataflow", "topic", "partition"),
    ),
    Measure(
        LAG_AGE,
        "Since the brokers last said where the topics end, asked every 5 seconds; lag cannot grow meanwhile",
        ("dataflow",),
    ),
    Measure(
        COMMIT_AGE,
        "Since the last commit, or since there was nothing to commit; intake and view have no shard",
        ("dataflow", "shard"),
    ),
    Measure(READY, "1 once everything visible before the start is in the books again", ("dataflow",)),
    Measure(
        EVENTS_CONSUMED, "Records read and committed, with those read again for a new store", ("dataflow", "topic")
    ),
    Measure(EVENTS_EMITTED, "Records written and committed", ("dataflow", "topic")),
    Measure(OUTPUTS_SUPPRESSED, "Outputs made again after a restart, compared and not written twice", ("shard",)),
    Measure(BATCH_RECORDS, "Records of one commit", ("dataflow",), buckets=RECORD_BUCKETS),
    Measure(BATCH_BYTES, "Bytes of the records of one commit", ("dataflow",), buckets=BYTE_BUCKETS),
    Measure(
        COMMIT_SECONDS,
        "Of one commit by the brokers, with that of the store where it is due",
        ("dataflow",),
        buckets=COMMIT_BUCKETS,
    ),
    Measure(LOG_PLACE, "The number of the next record in the shard's log", ("shard",)),
    Measure(STORE_BYTES, "Of a dataflow's files", ("dataflow", "shard")),
    Measure(EXCEPTIONS_OPEN, "Open exceptions", ("category", "severity")),
    Measure(EXCEPTIONS_OLDEST, "Since the oldest of them was raised", ("category", "severity")),
    Measure(
        RECORDS_REJECTED,
        "Messages that became dead letters; malformed is not what its schema says, invalid says what no event may",
        ("dataflow", "reason_class"),
    ),
    Measure(
        EVENT_TIME_LAG, "Since the newest event of a topic happened; none after a start until one comes", ("topic",)
    ),
    Measure(ERP_ATTEMPTS, "Documents in calls to an ERP account, by outcome; each sending counts", ("erp", "outcome")),
    Measure(ERP_CALL_SECONDS, "Of one call to an ERP account", ("erp",), buckets=CALL_BUCKETS),
    Measure(
        ERP_ACKNOWLEDGED,
        "From the log record until the ERP has posted it, with the wait where an entity sends by day or period",
        ("erp",),
        buckets=ACKNOWLEDGED_BUCKETS,
    ),
    Measure(
        ERP_OLDEST,
        "Since the oldest document that the ERP has neither accepted nor rejected could first be sent; 0 if there is none",
        ("erp",),
    ),
    Measure(ERP_ACCEPTED_OLDEST, "The same for documents that the ERP has accepted and not posted yet", ("erp",)),
    Measure(
        ERP_DOCUMENTS,
        "Documents that are not posted; waiting is for the end of their day or accounting period",
        ("erp", "standing"),
    ),
    Measure(
        ERP_QUOTA_LEFT,
        "Share of a minute's calls that is left; 0 while the ERP asks to wait, 1 without a limit",
        ("erp",),
    ),
    Measure(ERP_PAUSED, "1 while the ERP cannot be reached or refuses the credentials", ("erp",)),
    Measure(
        ERP_COMPANIES_MISSING,
        "Companies that accounts.toml does not have and whose journals came since the start; nothing of them is sent",
        ("erp",),
    ),
    Measure(
        UNRECONCILED,
        "Differences between what was posted and what ERPs hold: open exceptions `ledger_differs`",
        ("currency",),
    ),
    Measure(UNROUTED_WAITING, "Events that wait for their project or contract"),
    Measure(DAYS_ENDED, "Days ended, by zone and date"),
    Measure(
        GUARD_STOPS,
        "Processes ended by a guard, or by a fault without one; kept over restarts in the store folder",
        ("dataflow", "guard"),
    ),
    Measure(LAST_GUARD_STOP, "When a guard last stopped a process", ("dataflow", "guard")),
    Measure(BUILD_INFO, "1, for the release and the rules in use", ("version", "rules", "python")),
)
BY_NAME: Final[Mapping[str, Measure]] = {measure.name: measure for measure in MEASURES}


def bounded(label: str, value: str) -> str:
    """The value, or `other` where a label may not have it."""
    if label in VOCABULARIES:
        return value if value in VOCABULARIES[label] else OTHER
    if label in FORMS:
        return value if FORMS[label].fullmatch(value) else OTHER
    if label in NUMBERS:
        return value if value == "" or (value.isascii() and value.isdigit() and int(value) < NUMBER_MAX) else OTHER
    assert label in OF_THE_BUILD, f"{label} is no label of any metric"
    return value
