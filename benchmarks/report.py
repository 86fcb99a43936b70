"""The figures as tables: for the terminal, and as Markdown for `RESULTS.md`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

TARGET_ENTRIES = 20_000
TARGET_RATIO = 1.3
TARGET_MB = 500
TARGET_PROJECTS = 10_000
TARGET_MIX = 0.7
TARGET_JOURNALS = 1_000
TARGET_GRAIN = "entity_day"
SHARE_SHOWN = 1.0

JOBS = {
    "run": "`milepost run`, whole",
    "intake": "intake alone",
    "dataflow": "accounting, dataflow",
    "plain": "accounting, plain loop",
}
STAGES = ("decode", "fold", "encode", "store", "write", "rest")
STAGES_SAID = {
    "intake": "Avro input to engagement log",
    "decode": "engagement log to events",
    "fold": "the rules: from event and books to outputs and books",
    "encode": "outputs to Avro bodies",
    "store": "rows read and kept, commit of the store",
    "write": "output files and progress, written and synced",
    "rest": "the loop around them",
}


class Table(NamedTuple):
    title: str
    note: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(results: Mapping[str, Any]) -> list[Table]:
    firms = sorted(results.get("firms", {}).values(), key=lambda firm: firm["input"]["entries"])
    made = [_machine(results["machine"])]
    if firms:
        made += [_throughput(firms), _stages(firms), _stored(firms)]
    if "engagement" in results:
        made.append(_engagement(results["engagement"]))
    if "explain" in results:
        made.append(_explain(results["explain"]))
    if "real" in results:
        made += [_real(results["real"])]
    if "records" in results:
        made.append(_records(results["records"]))
    if "grain" in results:
        made.append(_grain(results["grain"]))
    profiled = [firm for firm in firms if "plain" in firm]
    if profiled:
        made.append(_profile("Where the time of accounting goes", profiled, "plain"))
    taken_in = [firm for firm in firms if "intake" in firm]
    if taken_in:
        made.append(_profile("Where the time of intake goes", taken_in, "intake"))
    return made


def text(results: Mapping[str, Any]) -> str:
    return "\n\n".join(
        "\n".join([of.title, *_aligned([of.head, *of.rows]), *([of.note] if of.note else [])]) for of in tables(results)
    )


def markdown(results: Mapping[str, Any]) -> str:
    """The whole of `RESULTS.md`."""
    commands = "\n".join(f"    {command}" for command in results["commands"])
    opening = (
        "# What Milepost costs to run\n\n"
        f"Measured on {results['date']} on one core of the machine below by `python -m benchmarks`; the file is written by"
        " it, so run it again rather than edit it. Seconds of the processor are what the work takes on a core of its own;"
        " seconds on the clock hold the disk and whatever else ran. The calibration is a fixed loop of plain Python: divide"
        " by it to compare machines. What accounting costs on a real broker stands in [RESULTS_KAFKA.md](RESULTS_KAFKA.md).\n\n"
        f"{commands}\n"
    )
    parts = [opening, "## Against the targets\n\n" + "\n".join(f"- {line}" for line in verdicts(results)) + "\n"]
    for of in tables(results):
        note = f"\n{of.note}\n" if of.note else ""
        parts.append(f"## {of.title}\n\n{_pipes(of.head, of.rows)}\n{note}")
    return "\n".join(parts)


def verdicts(results: Mapping[str, Any]) -> list[str]:
    """What was wanted, what came, and by how much it falls short."""
    return [
        *_speed(results),
        *_memory(results),
        *_ratios(results),
        *_mix_verdicts(results),
        *_over_time_verdicts(results),
        *_explain_verdicts(results),
        *_real_verdicts(results),
        *_grain_verdicts(results),
    ]


def _speed(results: Mapping[str, Any]) -> Iterator[str]:
    for firm in results.get("firms", {}).values():
        for job, name in JOBS.items():
            if job in {"run", "dataflow"} and job in firm:
                speed = firm["input"]["entries"] / _spent(firm, job)["cpu"]
                how = "reached" if speed >= TARGET_ENTRIES else f"short by a factor of {TARGET_ENTRIES / speed:.1f}"
                yield (
                    f"{TARGET_ENTRIES:,} time entries a second, {name}, {firm['input']['entries']:,} entries:"
                    f" {speed:,.0f} a second of processor time, {how}."
                )
        if firm.get("agree") is False:
            yield f"{firm['input']['entries']:,} entries: the jobs gave different bytes, so none of its figures counts."


def _mix_verdicts(results: Mapping[str, Any]) -> Iterator[str]:
    for found in results.get("mix", []):
        time, every = (min(ran["cpu"] / ran["events"] for ran in found[deals]) for deals in ("time", "all"))
        how = "kept" if time / every >= TARGET_MIX else "missed"
        yield (
            f"All kinds of terms at {TARGET_MIX:.0%} of the speed of time and materials, `milepost run`, {found['entries']:,} entries:"
            f" {every * 1e6:,.0f} us an event against {time * 1e6:,.0f}, {time / every:.0%}, {how}."
        )


def _over_time_verdicts(results: Mapping[str, Any]) -> Iterator[str]:
    for found in results.get("over_time", []):
        time, fees = (min(ran["cpu"] / ran["events"] for ran in found[firm]) for firm in ("by_the_hour", "with_fees"))
        how = "kept" if time / fees >= TARGET_MIX else "missed"
        yield (
            f"Three fixed fees in ten that earn over time by cost and hours, estimated monthly, at {TARGET_MIX:.0%} of the speed of time"
            f" and materials, `milepost run`, {found['entries']:,} entries over {found['months']} months: {fees * 1e6:,.0f} us an event"
            f" against {time * 1e6:,.0f}, {time / fees:.0%}, {how}."
        )


def _grain_verdicts(results: Mapping[str, Any]) -> Iterator[str]:
    measured = results.get("grain", {"found": []})
    for found in measured["found"]:
        if found["grain"] == TARGET_GRAIN:
            how = "kept" if found["a_month"] < TARGET_JOURNALS else "missed"
            yield (
                f"Fewer than {TARGET_JOURNALS:,} ERP journals a month of {measured['people']} people by company and day:"
                f" {found['a_month']:,} in the busiest month, {how}."
            )


def _grain(measured: Mapping[str, Any]) -> Table:
    counts = ("journals", "documents", "a_month", "lines_most")
    rows = [
        (found["grain"], *(f"{found[name]:,}" for name in counts), f"{found['microseconds']:.0f}")
        for found in measured["found"]
    ]
    return Table(
        f"Journals for an ERP by grain, {measured['people']} people, three months, all companies",
        "An ERP journal has at most 200 lines; without dimensions as segments. us: groups and documents, not the calls.",
        ("grain", "our journals", "ERP journals", "of the busiest month", "most lines", "us a journal"),
        rows,
    )


def _memory(results: Mapping[str, Any]) -> Iterator[str]:
    for firm in results.get("firms", {}).values():
        if firm["size"]["projects"] >= TARGET_PROJECTS and "run" in firm:
            peak = firm["run"]["spent"]["peak_mb"]
            how = "kept" if peak < TARGET_MB else f"exceeded by {peak - TARGET_MB:,.0f} MB"
            yield (
                f"Under {TARGET_MB} MB at {firm['size']['projects']:,} projects ({firm['input']['entries']:,} entries):"
                f" {peak:,.0f} MB at most, {how}."
            )


def _ratios(results: Mapping[str, Any]) -> Iterator[str]:
    for kind, costs in results.get("engagement", {}).items():
        ratio = costs[-1]["microseconds"] / costs[0]["microseconds"]
        how = "kept" if ratio <= TARGET_RATIO else "exceeded"
        yield (
            f"An event in an engagement of {costs[-1]['held']:,} entries costs at most {TARGET_RATIO} times one of"
            f" {costs[0]['held']:,}, {kind}: {ratio:.2f} times, {how}."
        )


def _real_verdicts(results: Mapping[str, Any]) -> Iterator[str]:
    for found in results.get("real", []):
        how = "agrees to the cent with sums made apart" if found["agrees"] else "DIFFERS from sums made apart"
        holds = "`milepost verify` finds nothing" if found["verified"] else "`milepost verify` FINDS VIOLATIONS"
        yield (
            f"Real data, at most {found['limit']:,} hours an entry: {found['found']['revenue']} GBP of"
            f" {int(found['found']['entries']):,} entries, {int(found['found']['waiting']):,} in exceptions; it {how}; {holds}."
        )


def _machine(machine: Mapping[str, Any]) -> Table:
    versions = ", ".join(f"{name} {version}" for name, version in machine["libraries"].items())
    rows = [
        ("system", machine["system"]),
        ("processor", f"{machine['processor']}, {machine['cores']} cores, one used"),
        ("memory", f"{machine['memory_gb']} GB"),
        ("Python", f"{machine['python']}, SQLite {machine['sqlite']}"),
        ("libraries", versions),
        ("calibration", f"{machine['calibration']} ms"),
    ]
    return Table("Machine", "", ("what", "value"), rows)


def _throughput(firms: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        (
            f"{firm['input']['entries']:,}",
            f"{firm['size']['people']:,}",
            f"{firm['size']['projects']:,}",
            f"{firm['input']['events']:,}",
            name,
            f"{_spent(firm, job)['cpu']:,.1f}",
            f"{_spent(firm, job)['wall']:,.1f}",
            f"{firm['input']['entries'] / _spent(firm, job)['cpu']:,.0f}",
            f"{firm['input']['entries'] / _spent(firm, job)['wall']:,.0f}",
            f"{_spent(firm, job)['cpu'] / firm['input']['events'] * 1e6:,.0f}",
            f"{_spent(firm, job)['peak_mb']:,.0f}",
            f"{_spent(firm, job)['calibration']:.1f}",
        )
        for firm in firms
        for job, name in JOBS.items()
        if job in firm
    ]
    head = (
        "time entries",
        "people",
        "projects",
        "events",
        "job",
        "processor s",
        "clock s",
        "entries/s, processor",
        "entries/s, clock",
        "us an event",
        "peak MB",
        "calibration ms",
    )
    note = "All jobs of one size gave the same bytes." if all(firm.get("agree", True) for firm in firms) else ""
    return Table("Throughput and memory", note, head, rows)


def _stages(firms: Sequence[Mapping[str, Any]]) -> Table:
    watched = [firm for firm in firms if "stages" in firm]
    rows = []
    for firm in watched:
        events = firm["input"]["events"]
        of = {name: found["seconds"] / events * 1e6 for name, found in firm["stages"]["stages"].items()}
        intake = firm["intake"]["spent"]["cpu"] / events * 1e6 if "intake" in firm else 0.0
        figures = [intake, *(of.get(stage, 0.0) for stage in STAGES)]
        rows.append((f"{firm['input']['entries']:,}", *(f"{figure:,.1f}" for figure in (*figures, sum(figures)))))
    said = "; ".join(f"{name}: {what}" for name, what in STAGES_SAID.items())
    return Table("Microseconds an event by stage", f"{said}.", ("time entries", "intake", *STAGES, "together"), rows)


def _stored(firms: Sequence[Mapping[str, Any]]) -> Table:
    rows = []
    for firm in firms:
        found = next((_accounted(firm, job) for job in ("plain", "dataflow") if job in firm), None)
        if found is None:
            continue
        stored, projects = found["stored"], firm["size"]["projects"]
        rows.append(
            (
                f"{firm['input']['entries']:,}",
                f"{projects:,}",
                f"{stored['bytes'] / projects:,.0f}",
                f"{stored['part_bytes'] / projects:,.0f}",
                f"{stored['entry_bytes'] / max(1, stored['entry_rows']):,.0f}",
                f"{stored['bytes'] / 1e6:,.1f}",
                f"{stored['output_bytes'] / 1e6:,.1f}",
                f"{found['outputs'] / firm['input']['events']:.2f}",
            )
        )
    head = (
        "time entries",
        "projects",
        "bytes a project, whole store",
        "bytes a project, books",
        "bytes an entry row",
        "store MB",
        "outputs MB",
        "outputs an event",
    )
    return Table("Bytes in the store", "Books are what is kept of a project besides its entries.", head, rows)


def _engagement(results: Mapping[str, Sequence[Mapping[str, Any]]]) -> Table:
    rows = [
        (
            kind,
            f"{cost['held']:,}",
            f"{cost['microseconds']:,.1f}",
            f"{cost['microseconds'] / costs[0]['microseconds']:.2f}",
            f"{cost['peak_mb']:,.0f}",
            f"{cost['calibration']:.1f}",
        )
        for kind, costs in results.items()
        for cost in costs
    ]
    note = "The median of three weeks of 1,400 entries, with their day ends and statements."
    head = ("terms", "entries held", "us an event", "ratio", "peak MB", "calibration ms")
    return Table("One engagement with many entries", note, head, rows)


def _explain(results: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        (
            of["title"],
            f"{of['events']:,}",
            asked["kind"],
            f"{asked['questions']:,}",
            f"{asked['median']:.2f}",
            f"{asked['percentile_95']:.2f}",
            f"{asked['most']:.2f}",
            f"{asked['over_target']:,}",
            f"{of['indexing'] * 1e6 / of['events']:.0f}",
        )
        for of in results
        for asked in of["first"]
    ]
    head = ("history", "records", "kind", "questions", "median s", "95 % s", "most s", "over 2 s", "index us a record")
    note = (
        "Seconds of the processor for one question with the index there and nothing else at hand: find, fold, make the tree, recompute"
        " it. The start of the command comes to it. The index is made by the run."
    )
    return Table("How long a question takes", note, head, rows)


def _explain_verdicts(results: Mapping[str, Any]) -> Iterator[str]:
    for of in results.get("explain", []):
        whole = next(asked for asked in of["first"] if asked["kind"] == "all")
        late = f"{whole['over_target']} took longer, at most {whole['most']:.1f}" if whole["over_target"] else "kept"
        wrong = f"; {of['wrong']} DID NOT HOLD" if of["wrong"] else ""
        yield f"A figure explained in 2 seconds, {of['title']}, {whole['questions']} figures: {late}{wrong}."


def _real(results: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        (
            f"{found['limit']:,}",
            whose,
            *(f"{int(of[name]):,}" for name in ("entries", "waiting")),
            *(f"{float(of[name]):,.2f}" for name in ("revenue", "revenue_eur", "cost", "cost_eur", "billed")),
            seconds,
        )
        for found in results
        for whose, of, seconds in (
            ("Milepost", found["found"], ", ".join(f"{name} {took:.1f}" for name, took in found["seconds"].items())),
            ("apart", found["expected"], ""),
        )
    ]
    head = (
        "hours an entry, at most",
        "sums of",
        "entries",
        "in exceptions",
        "revenue GBP",
        "revenue EUR",
        "cost GBP",
        "cost EUR",
        "billed GBP",
        "processor s",
    )
    note = (
        "12,299 rows of ten years, 20 projects at 80 GBP an hour and 40 GBP of cost, the ledger in EUR at the ECB's rate of"
        " the day (the last one of a week), each line rounded half up to the cent. The sums apart are made with the"
        " standard library's csv and decimal alone."
    )
    return Table("Real data: the SiP dataset", note, head, rows)


def _records(figures: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        (of["record"], of["what"], f"{of['microseconds']:.2f}", f"{of['bytes']:,}" if of["bytes"] else "")
        for of in figures
    ]
    return Table("One record, read and written", "", ("record", "what", "us", "bytes"), rows)


def _profile(title: str, firms: Sequence[Mapping[str, Any]], job: str) -> Table:
    """Per cent of the samples of the largest firm, and what that makes an event."""
    firm = firms[-1]
    each = _spent(firm, job)["cpu"] / firm["input"]["events"] * 1e6
    shown = [share for share in firm[job]["shares"] if share["percent"] >= SHARE_SHOWN]
    rest = 100 - sum(share["percent"] for share in shown)
    rows = [
        *((share["group"], f"{share['percent']:.1f}", f"{share['percent'] * each / 100:,.1f}") for share in shown),
        ("all else", f"{rest:.1f}", f"{rest * each / 100:,.1f}"),
    ]
    note = f"{firm['input']['entries']:,} time entries; what a function calls counts for it unless it has a row of its own."
    return Table(title, note, ("group of functions", "per cent", "us an event"), rows)


def _accounted(firm: Mapping[str, Any], job: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = firm[job]["accounted"] if "accounted" in firm[job] else firm[job]
    return found


def _spent(firm: Mapping[str, Any], job: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = _accounted(firm, job)["spent"]
    return found


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The first column to the left, the others to the right."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return ["  ".join(["", row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]


def _pipes(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
