"""Reads the metrics pages of other processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException
from typing import Final, NamedTuple

from prometheus_client.parser import text_string_to_metric_families

TIMEOUT_SECONDS: Final = 3.0
PAGE_BYTES_MAX: Final = 8 * 1024 * 1024


class Sample(NamedTuple):
    name: str
    labels: Mapping[str, str]
    value: float


class Page(NamedTuple):
    """What one address said; `fault` is why it said nothing."""

    address: str
    samples: tuple[Sample, ...] = ()
    fault: str = ""

    def of(self, name: str, **labels: str) -> Iterator[Sample]:
        """Samples that have these labels."""
        for sample in self.samples:
            if sample.name == name and all(sample.labels.get(key) == value for key, value in labels.items()):
                yield sample

    def sum(self, name: str, **labels: str) -> float:
        return sum(sample.value for sample in self.of(name, **labels))


def scrape(addresses: Sequence[str]) -> list[Page]:
    """All at once."""
    if not addresses:
        return []
    with ThreadPoolExecutor(len(addresses)) as asking:
        return list(asking.map(_scrape, addresses))


def _scrape(address: str) -> Page:
    host, _, port = address.rpartition(":")
    connection = HTTPConnection(host.strip("[]"), int(port), timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", "/metrics", headers={"Accept": "text/plain;version=0.0.4"})
        answer = connection.getresponse()
        body = answer.read(PAGE_BYTES_MAX)
        if answer.status != 200:
            return Page(address, fault=f"answered {answer.status}")
        families = text_string_to_metric_families(body.decode())
        samples = [Sample(each.name, each.labels, each.value) for family in families for each in family.samples]
        return Page(address, tuple(samples))
    except (OSError, HTTPException, ValueError) as fault:
        return Page(address, fault=getattr(fault, "strerror", None) or str(fault) or type(fault).__name__)
    finally:
        connection.close()
