"""A certificate that is changed breaks the promise `certificates`, and no other: whatever figure it is, and however well it is sealed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dataflows.audit import audit
from domain.audit.findings import CERTIFICATES, PROMISES, Report
from domain.outputs import CertifiedAccount, CertifiedCurrency, CloseCertificate
from tests.audit.tampering import at, copied, outputs, rewrite, seq_of
from tests.finished_run import reopened_run

Changed = Callable[[CloseCertificate], CloseCertificate]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """January of BERLIN has two certificates."""
    return copied(reopened_run(), tmp_path)


def audited(folder: Path) -> Report:
    return audit(folder, fold_again=False, tell=lambda *_: None)


def broken(report: Report) -> set[str]:
    return {finding.check for finding in report.findings if finding.violations}


def account(change: Callable[[CertifiedAccount], CertifiedAccount]) -> Changed:
    return lambda of: of._replace(accounts=(change(of.accounts[0]), *of.accounts[1:]))


def currency(change: Callable[[CertifiedCurrency], CertifiedCurrency]) -> Changed:
    return lambda of: of._replace(currencies=(change(of.currencies[0]), *of.currencies[1:]))


def test_what_is_written_holds(folder: Path) -> None:
    report = audited(folder)
    [finding] = [each for each in report.findings if each.check == CERTIFICATES]
    assert (finding.checked, finding.violations) == (2, 0)
    assert CERTIFICATES in PROMISES


def test_what_is_sealed_again_unchanged_holds(folder: Path) -> None:
    """So that what follows finds the change, and not how it is sealed."""
    before = outputs(folder)
    rewrite(folder, lambda told: told)
    assert outputs(folder) == before
    assert broken(audited(folder)) == set()


@pytest.mark.parametrize(
    ("change", "expected", "found"),
    [
        (lambda of: of._replace(journal_count=14), "13 journals", "14 journals"),
        (lambda of: of._replace(number=3), "number 2", "number 3"),
        (lambda of: of._replace(last_output_seq=1), "last output_seq ", "last output_seq 1"),
        (lambda of: of._replace(output_chain="00" * 32), "output chain ", f"output chain {'00' * 32}"),
        (lambda of: of._replace(marks="00" * 512), "marks ", f"marks {'00' * 512}"),
        (lambda of: of._replace(previous="00" * 32), "the certificate before it ", f"the certificate before it {'00' * 32}"),
        (lambda of: of._replace(previous=None), "the certificate before it ", "the certificate before it none"),
        (lambda of: of._replace(replaces=None), "replaces 1 of 12 journals", "replaces none"),
        (lambda of: of._replace(replaced_journals=11), "replaces 1 of 12 journals", "replaces 1 of 11 journals"),
        (account(lambda of: of._replace(debits=of.debits + 1)), "1150 opening 0.00, debits 4218.18", "debits 4218.1801"),
        (account(lambda of: of._replace(opening=10_000)), "1150 opening 0.00", "1150 opening 1.00"),
        (account(lambda of: of._replace(certified_movement=0)), "1150 opening 0.00", "movement 0.00"),
        (lambda of: of._replace(accounts=of.accounts[1:]), "1150 opening 0.00, debits 4218.18", "debits 0.00"),
        (currency(lambda of: of._replace(debits=of.debits + 1)), "EUR 10 journals", "EUR 10 journals"),
        (lambda of: of._replace(currencies=of.currencies[:1]), "USD 3 journals", "USD 0 journals"),
    ],
    ids=(
        "journals", "number", "seq", "chain", "marks", "previous", "no-previous", "replaces", "replaced", "debits", "opening",
        "certified", "account-left-out", "currency", "currency-left-out",
    ),
)  # fmt: skip
def test_a_changed_certificate_breaks_the_promise(change: Changed, expected: str, found: str, folder: Path) -> None:
    rewrite(folder, at(seq_of(folder, CloseCertificate, last=True), change), certificates=False)
    report = audited(folder)
    assert broken(report) == {CERTIFICATES}
    assert report.first is not None
    assert report.first.expected.startswith(expected), report.first.expected
    assert found in report.first.found


def test_a_certificate_that_is_left_out_is_missed_by_the_next(folder: Path) -> None:
    """The second would be the first, and names one that is not there."""
    first = seq_of(folder, CloseCertificate)

    def dropped(of: CloseCertificate) -> CloseCertificate:
        return of._replace(period="2026-02")

    rewrite(folder, at(first, dropped), certificates=False)
    assert CERTIFICATES in broken(audited(folder))


def test_an_earlier_certificate_that_is_changed_breaks_the_chain(folder: Path) -> None:
    """Its reason counts in no sum: the next certificate's `previous` tells."""
    change = at(seq_of(folder, CloseCertificate), lambda of: of._replace(reason="nothing to see"))
    rewrite(folder, change, certificates=False)
    report = audited(folder)
    assert CERTIFICATES in broken(report)
    assert report.first is not None
    assert report.first.expected.startswith(("the certificate before it", "output chain"))
