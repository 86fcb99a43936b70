"""Facts with a version: which one is newest, and whether it came twice with different content."""

from domain.events.catalogue import Event
from domain.identity import content_digest
from domain.work.rows import spoken
from state.books import Fact
from state.draft import Draft

# What tells two deliveries of one version apart.
TRACE = frozenset({"event_id", "recorded_at", "source", "correlation_id", "engagement_id"})


def is_new(draft: Draft, kind: str, fact_id: str, version: int, event: Event) -> bool:
    """Whether a fact brings a higher version than known; the same one with other content is a conflict."""
    known: Fact | None = draft.part("fact", f"{kind}/{fact_id}")
    digest = _digest(event)
    subject = fact_id.removeprefix("/")  # of a fact whose contract nobody named
    if known is not None and version <= known.version:
        if version == known.version and digest != known.digest:
            named = f"{spoken(kind)} {subject}"
            if version:  # what happens once has none
                named = f"version {version} of {named}"
            draft.raise_exception(
                "conflicting_version",
                kind,
                subject,
                f"{named} came twice with different content; the first one stands",
                project_id=getattr(event, "project_id", None),
                contract_id=getattr(event, "contract_id", None),
            )
        return False
    draft.resolve_exception("conflicting_version", kind, subject, "superseded")
    draft.put("fact", f"{kind}/{fact_id}", Fact(version, digest))
    return True


def is_late(draft: Draft, kind: str, fact_id: str, version: int) -> bool:
    """Whether a fact of a higher version came before."""
    known: Fact | None = draft.part("fact", f"{kind}/{fact_id}")
    return known is not None and version < known.version


def is_repeat(draft: Draft, kind: str, fact_id: str, event: Event) -> bool:
    """Whether what came last of a fact without a version said the same."""
    known: Fact | None = draft.part("fact", f"{kind}/{fact_id}")
    return known is not None and known.digest == _digest(event)


def _digest(event: Event) -> str:
    stated = (value for name, value in zip(event._fields, event, strict=True) if name not in TRACE)
    return content_digest([type(event).__name__, *stated])


def happens(draft: Draft, kind: str, fact_id: str) -> bool:
    """Whether a fact without a version comes for the first time; its id once known, it happens no more."""
    if draft.part("fact", f"{kind}/{fact_id}") is not None:
        return False
    draft.put("fact", f"{kind}/{fact_id}", Fact(0, ""))
    return True
