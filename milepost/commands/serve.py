"""`milepost serve`: the processes that work on Kafka. A supervisor loads nothing of what the process does that it looks after."""

import sys
from typing import Annotated

import typer

from milepost.commands.given_settings import NONE_GIVEN, GivenSettings
from milepost.console import stamp_lines

Shards = Annotated[str | None, typer.Option("--shards", help="The shards of this process, such as 0,4.")]
AllShards = Annotated[bool, typer.Option("--all-shards", help="All of them.")]
Ordinal = Annotated[
    int | None,
    typer.Option("--ordinal", help="Which of several processes this is, from 0; else the host name says it."),
]
Of = Annotated[int | None, typer.Option("--of", help="How many processes share the shards.", min=1)]
Alone = Annotated[bool, typer.Option("--alone", help="Without a supervisor: whatever happens ends the process.")]


def accounting(
    given: GivenSettings = NONE_GIVEN,
    shards: Shards = None,
    all_shards: AllShards = False,
    ordinal: Ordinal = None,
    of: Of = None,
    alone: Alone = False,
) -> None:
    """Fold the engagement log into postings, statements, forecasts and exceptions, until SIGTERM or Ctrl-C.

    A process takes some of the shards; each shard is taken by one process at a time, wherever it runs.
    """
    from milepost.operate import shards_chosen

    settings = given.settings
    numbers = shards_chosen.chosen(
        settings.accounting, settings.kafka.partitions, shards, every=all_shards, ordinal=ordinal, of=of
    )
    _supervise(alone=alone)
    from milepost.operate import serving

    serving.account(settings, numbers)


def intake(given: GivenSettings = NONE_GIVEN, alone: Alone = False) -> None:
    """Take the events of the domain topics into the engagement log, until SIGTERM or Ctrl-C.

    One process at a time does so for a generation of the log; one that is started later takes over.
    """
    settings = given.settings
    _supervise(alone=alone)
    from milepost.operate import serving

    serving.take_in(settings)


def view(given: GivenSettings = NONE_GIVEN, alone: Alone = False) -> None:
    """Keep the newest view of each project in Redis, until SIGTERM or Ctrl-C. Nothing else depends on it.

    Its place is in Redis too, so a Redis that was emptied or put back is filled again from the topic.
    """
    settings = given.settings
    _supervise(alone=alone)
    from milepost.operate import serving

    serving.keep_views(settings)


def delivery(
    given: GivenSettings = NONE_GIVEN,
    erp: Annotated[
        str | None,
        typer.Option("--erp", help="NAME of the ERP account in accounts.toml; may be left out where there is one."),
    ] = None,
    alone: Alone = False,
) -> None:
    """Deliver journals and statements to one ERP account, and bring back its answers, until SIGTERM or Ctrl-C.

    One process at a time delivers to an account; one that is started later takes over. [delivery] says where accounts.toml is.
    """
    from milepost.delivery import delivered_account

    settings = given.settings
    account = delivered_account.account_of(settings, erp)
    _supervise(alone=alone)
    from milepost.operate import serving_delivery

    serving_delivery.deliver(settings, account)


def _supervise(*, alone: bool) -> None:
    """Unless this is the process that a supervisor looks after, be the supervisor of one."""
    stamp_lines()
    if not alone:
        from milepost.operate import supervisor

        raise typer.Exit(supervisor.supervise(supervisor.again(*sys.argv[1:], "--alone")))
