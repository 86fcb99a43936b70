"""Writes the dashboard for latency and health: `python -m monitoring.dashboard [--check]`.

Panels are placed as they are written: rows of 24 columns, from left to right. Every query is PromQL over the metrics of
`connectors/metrics/catalogue.py`; a test asks a real Prometheus each of them.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

FILE: Final = Path(__file__).parent / "grafana" / "dashboards" / "milepost.json"
COLUMNS: Final = 24
SOURCE: Final = {"type": "prometheus", "uid": "prometheus"}
# What a panel averages over; four scrapes at the least.
OVER: Final = "$__rate_interval"


class Query(NamedTuple):
    expression: str
    legend: str = ""


class Panel(NamedTuple):
    """`steps` are the values from which on it is yellow, and red."""

    title: str
    told: str
    unit: str
    queries: Sequence[Query]
    kind: str = "timeseries"
    width: int = 8
    height: int = 7
    steps: tuple[float, float] | None = None


class PanelRow(NamedTuple):
    title: str
    panels: Sequence[Panel]


def quantile(part: float, metric: str, by: str = "") -> str:
    groups = f"le, {by}" if by else "le"
    return f"histogram_quantile({part}, sum by ({groups}) (rate({metric}_bucket[{OVER}])))"


def rate(metric: str, by: str) -> str:
    return f"sum by ({by}) (rate({metric}[{OVER}]))"


ROWS: Final = (
    PanelRow(
        "Is it well?",
        (
            Panel(
                "Processes that answer",
                "Of those that Prometheus is told of.",
                "short",
                (Query('sum(up{job="milepost"})'),),
                "stat",
                4,
                4,
            ),
            Panel(
                "Visible within a minute",
                "Facts that readers see within 60 s of their happening; the objective is 99 %.",
                "percentunit",
                (
                    Query(
                        'sum(rate(milepost_event_to_visible_seconds_bucket{le="60.0"}[1h])) '
                        "/ sum(rate(milepost_event_to_visible_seconds_count[1h]))"
                    ),
                ),
                "stat",
                4,
                4,
            ),
            Panel(
                "Records behind",
                "Of all topics and shards.",
                "short",
                (Query("sum by (dataflow) (milepost_kafka_lag_records)", "{{dataflow}}"),),
                "stat",
                6,
                4,
                (1_000, 100_000),
            ),
            Panel(
                "Oldest uncommitted work",
                "Seconds since the last commit, where there is something to commit.",
                "s",
                (Query("max by (dataflow) (milepost_commit_age_seconds)", "{{dataflow}}"),),
                "stat",
                6,
                4,
                (30, 120),
            ),
            Panel(
                "Guard stops, 24 h",
                "Processes that ended rather than go on wrongly.",
                "short",
                (Query("sum(increase(milepost_guard_stops_total[24h]))"),),
                "stat",
                4,
                4,
                (1, 3),
            ),
        ),
    ),
    PanelRow(
        "Latency",
        (
            Panel(
                "From event to visible",
                "Producers that send late are in it; compare with log to visible, which is Milepost alone.",
                "s",
                tuple(
                    Query(quantile(part, "milepost_event_to_visible_seconds"), f"p{part * 100:g}")
                    for part in (0.5, 0.95, 0.99)
                ),
            ),
            Panel(
                "From log to visible",
                "Reading, folding, writing and the commit.",
                "s",
                tuple(
                    Query(quantile(part, "milepost_log_to_visible_seconds"), f"p{part * 100:g}")
                    for part in (0.5, 0.95, 0.99)
                ),
            ),
            Panel(
                "One commit, 95 of 100",
                "Brokers and store.",
                "s",
                (Query(quantile(0.95, "milepost_commit_seconds", "dataflow"), "{{dataflow}}"),),
            ),
        ),
    ),
    PanelRow(
        "Work",
        (
            Panel(
                "Taken, by topic",
                "Records a second.",
                "cps",
                (Query(rate("milepost_events_consumed_total", "dataflow, topic"), "{{dataflow}}: {{topic}}"),),
            ),
            Panel(
                "Written, by topic",
                "Records a second.",
                "cps",
                (Query(rate("milepost_events_emitted_total", "dataflow, topic"), "{{dataflow}}: {{topic}}"),),
            ),
            Panel(
                "Records of one commit, half and 95 of 100",
                "Small when live, large when catching up.",
                "short",
                tuple(
                    Query(quantile(part, "milepost_batch_records", "dataflow"), f"{{{{dataflow}}}} p{part * 100:g}")
                    for part in (0.5, 0.95)
                ),
            ),
            Panel(
                "Bytes of one commit, 95 of 100",
                "",
                "bytes",
                (Query(quantile(0.95, "milepost_batch_bytes", "dataflow"), "{{dataflow}}"),),
            ),
            Panel(
                "Behind, by shard and topic",
                "Records.",
                "short",
                (
                    Query(
                        "sum by (dataflow, topic, partition) (milepost_kafka_lag_records)",
                        "{{dataflow}}: {{topic}} {{partition}}",
                    ),
                ),
            ),
            Panel(
                "Newest fact, by topic",
                "Seconds since it happened: a source that has gone silent climbs.",
                "s",
                (Query("milepost_event_time_lag_seconds", "{{topic}}"),),
            ),
        ),
    ),
    PanelRow(
        "What waits for somebody",
        (
            Panel(
                "Exceptions open",
                "By category.",
                "short",
                (Query("sum by (category) (milepost_exceptions_open)", "{{category}}"),),
            ),
            Panel(
                "Oldest exception",
                "By category.",
                "s",
                (Query("max by (category) (milepost_exceptions_oldest_age_seconds)", "{{category}}"),),
            ),
            Panel(
                "Unrouted, and dead letters a minute",
                "Events whose project nobody has named, and messages that are none.",
                "short",
                (
                    Query("milepost_unrouted_waiting", "unrouted"),
                    Query(f"60 * {rate('milepost_records_rejected_total', 'reason_class')}", "{{reason_class}}"),
                ),
            ),
        ),
    ),
    PanelRow(
        "ERPs",
        (
            Panel(
                "Documents by outcome",
                "A minute. Uncertain ones are looked up by their key before anything is sent again.",
                "short",
                (
                    Query(
                        f"60 * {rate('milepost_erp_delivery_attempts_total', 'erp, outcome')}", "{{erp}}: {{outcome}}"
                    ),
                ),
            ),
            Panel(
                "Oldest document that is not acknowledged",
                "Since it could first be sent; rejected ones wait for somebody and are not in it. Accepted ones wait to be posted there.",
                "s",
                (
                    Query("max by (erp) (milepost_erp_unacknowledged_oldest_seconds)", "{{erp}}"),
                    Query("max by (erp) (milepost_erp_accepted_oldest_seconds)", "{{erp}}: accepted"),
                ),
            ),
            Panel(
                "Documents not posted",
                "By where they stand.",
                "short",
                (Query("sum by (erp, standing) (milepost_erp_documents)", "{{erp}}: {{standing}}"),),
            ),
            Panel(
                "From journal to acknowledged",
                "With the wait for the end of the day or the period, where an entity sends by these.",
                "s",
                tuple(
                    Query(quantile(part, "milepost_erp_acknowledged_seconds", "erp"), f"{{{{erp}}}} p{part * 100:g}")
                    for part in (0.5, 0.95)
                ),
            ),
            Panel(
                "One call, 95 of 100", "", "s", (Query(quantile(0.95, "milepost_erp_call_seconds", "erp"), "{{erp}}"),)
            ),
            Panel(
                "Quota left, and paused",
                "Share of the calls of a minute; 1 is paused: the ERP is away, or refuses who we are.",
                "short",
                (
                    Query("min by (erp) (milepost_erp_quota_left_ratio)", "{{erp}} quota left"),
                    Query("max by (erp) (milepost_erp_paused)", "{{erp}} paused"),
                ),
            ),
            Panel(
                "Unreconciled",
                "Money of differences between what was posted and what ERPs hold.",
                "short",
                (Query("sum by (currency) (milepost_unreconciled_amount)", "{{currency}}"),),
                "stat",
                8,
                4,
                (0.01, 1_000),
            ),
        ),
    ),
    PanelRow(
        "Processes",
        (
            Panel(
                "Commit age",
                "0 where there is nothing to commit.",
                "s",
                (Query("milepost_commit_age_seconds", "{{dataflow}} {{shard}}"),),
            ),
            Panel(
                "Stores",
                "Bytes at hand; a cache of the log.",
                "bytes",
                (Query("milepost_store_bytes", "{{dataflow}} {{shard}}"),),
            ),
            Panel(
                "Memory",
                "Of each process.",
                "bytes",
                (Query('process_resident_memory_bytes{job="milepost"}', "{{instance}}"),),
            ),
            Panel(
                "Processor",
                "Cores in use.",
                "short",
                (Query(f'rate(process_cpu_seconds_total{{job="milepost"}}[{OVER}])', "{{instance}}"),),
            ),
            Panel(
                "Ready, and starts in an hour",
                "1 is ready.",
                "short",
                (
                    Query("min by (dataflow) (milepost_ready)", "{{dataflow}} ready"),
                    Query('changes(process_start_time_seconds{job="milepost"}[1h])', "{{instance}} starts"),
                ),
            ),
            Panel(
                "Made again, days ended, places",
                "Outputs that were visible already; days a day; the next record of each shard.",
                "short",
                (
                    Query(rate("milepost_outputs_suppressed_total", "shard"), "suppressed, shard {{shard}}"),
                    Query("increase(milepost_days_ended_total[24h])", "days ended, 24 h"),
                    Query("rate(milepost_log_place[5m])", "places a second, shard {{shard}}"),
                ),
            ),
            Panel(
                "Brokers silent for",
                "Since they last said where the topics end; records behind cannot grow meanwhile.",
                "s",
                (Query("max by (dataflow) (milepost_lag_age_seconds)", "{{dataflow}}"),),
                "stat",
                8,
                4,
                (15, 60),
            ),
            Panel(
                "Releases",
                "More than one during an upgrade only.",
                "short",
                (Query("count by (version, rules) (milepost_build_info)", "{{version}}, rules {{rules}}"),),
                "stat",
                8,
                4,
            ),
            Panel(
                "Last guard stop",
                "How long ago.",
                "s",
                (
                    Query(
                        "time() - max by (dataflow, guard) (milepost_last_guard_stop_timestamp_seconds)",
                        "{{dataflow}}: {{guard}}",
                    ),
                ),
                "stat",
                8,
                4,
            ),
        ),
    ),
)


def queries() -> Iterator[str]:
    for row in ROWS:
        for panel in row.panels:
            for query in panel.queries:
                yield query.expression


def dashboard() -> dict[str, Any]:
    return {
        "title": "Milepost: latency and health",
        "uid": "milepost",
        "tags": ["milepost"],
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "utc",
        "annotations": {"list": []},
        "templating": {"list": []},
        "panels": list(_panels()),
    }


def _panels() -> Iterator[dict[str, Any]]:
    number, y = 0, 0
    for row in ROWS:
        number += 1
        yield {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1},
            "panels": [],
        }
        y, x, height = y + 1, 0, 0
        for panel in row.panels:
            if x + panel.width > COLUMNS:
                x, y, height = 0, y + height, 0
            number += 1
            yield _panel(number, panel, {"x": x, "y": y, "w": panel.width, "h": panel.height})
            x, height = x + panel.width, max(height, panel.height)
        y += height


def _panel(number: int, panel: Panel, place: dict[str, int]) -> dict[str, Any]:
    colours: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if panel.steps is not None:
        colours += [{"color": name, "value": value} for name, value in zip(("yellow", "red"), panel.steps, strict=True)]
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.told,
        "datasource": SOURCE,
        "gridPos": place,
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "min": 0, "thresholds": {"mode": "absolute", "steps": colours}},
            "overrides": [],
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }
        if panel.kind == "timeseries"
        else {"reduceOptions": {"calcs": ["lastNotNull"]}, "textMode": "auto"},
        "targets": [
            {
                "refId": chr(ord("A") + at),
                "datasource": SOURCE,
                "expr": query.expression,
                "legendFormat": query.legend or "__auto",
                "range": panel.kind == "timeseries",
                "instant": panel.kind != "timeseries",
            }
            for at, query in enumerate(panel.queries)
        ],
    }


def main(arguments: Sequence[str]) -> int:
    text = json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"
    if "--check" not in arguments:
        FILE.write_text(text, encoding="utf-8")
        return 0
    if FILE.exists() and FILE.read_text(encoding="utf-8") == text:
        return 0
    print(
        f"{FILE.name} is not what monitoring/dashboard.py makes; run `python -m monitoring.dashboard`", file=sys.stderr
    )
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
