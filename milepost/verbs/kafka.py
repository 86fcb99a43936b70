"""Verbs for Kafka, the registry and Redis."""

from __future__ import annotations

import typer

from milepost.mounting import group_of, mount


def mount_serve(on: typer.Typer) -> None:
    from milepost.commands import serve

    group = group_of(on, "serve", "The processes that work on Kafka.")
    mount(
        group,
        "intake",
        serve.intake,
        "Take the events of the topics into the log.",
        example="milepost serve intake --set kafka.brokers=127.0.0.1:9092",
        then="milepost serve accounting --all-shards",
    )
    mount(
        group,
        "accounting",
        serve.accounting,
        "Process the engagement log, until it is asked to stop.",
        example="milepost serve accounting --ordinal 0 --of 4",
        then="milepost doctor, where it does not start; docs/operations.md says what to do where it stops",
    )
    mount(
        group,
        "view",
        serve.view,
        "Keep the newest views of projects in Redis.",
        example="milepost serve view --set redis.url=redis://127.0.0.1:6379/0",
        then="milepost doctor, where it waits: it says whether Redis answers",
    )
    mount(
        group,
        "delivery",
        serve.delivery,
        "Deliver journals and statements to an ERP account.",
        example="milepost serve delivery --erp books --set delivery.accounts=accounts.toml",
        then="milepost doctor --for delivery, where nothing arrives; milepost status shows what waits",
    )


def mount_status(on: typer.Typer) -> None:
    from milepost.commands import status

    mount(
        on,
        "status",
        status.status,
        "Everything that runs, on one screen.",
        example="milepost status --once --interval 1",
        then="milepost lag for each partition; docs/monitoring.md for what a figure means",
    )


def mount_lag(on: typer.Typer) -> None:
    from milepost.commands import lag

    mount(
        on,
        "lag",
        lag.lag,
        "How far behind intake and the shards are.",
        example="milepost lag --all",
        then="milepost status, where the processes run; docs/monitoring.md says what to do about a lag that grows",
    )


def mount_topics(on: typer.Typer) -> None:
    from milepost.commands import topics

    group = group_of(on, "topics", "The topics: missing ones, wrong settings.")
    mount(
        group,
        "list",
        topics.list_,
        "What each topic is for, and who writes and reads it.",
        example="milepost topics list --set kafka.partitions=4",
        then="milepost topics create --dry-run",
    )
    mount(
        group,
        "create",
        topics.create,
        "Make the topics that are missing.",
        example="milepost topics create --dry-run --set kafka.development=true",
        then="milepost topics check",
    )
    mount(
        group,
        "check",
        topics.check,
        "Compare topics with what they must be.",
        example="milepost topics check --json",
        then="change what it names with the tools of the brokers",
    )


def mount_schemas(on: typer.Typer) -> None:
    from milepost.commands import schemas

    group = group_of(on, "schemas", "The public contract: schemas of events and outputs.")
    mount(
        group,
        "check",
        schemas.check,
        "Compare the schemas with what was released.",
        example="milepost schemas check --json",
        then="mend what it names, or milepost schemas freeze where the change is meant",
    )
    mount(
        group,
        "freeze",
        schemas.freeze,
        "Release today's schemas as new versions.",
        example="milepost schemas freeze",
        then="commit the files in schemas/avro/history",
    )
    mount(
        group,
        "register",
        schemas.register,
        "Register the schemas in a schema registry.",
        example="milepost schemas register --dry-run --set registry.url=http://127.0.0.1:8081/apis/ccompat/v7",
        then="the same without --dry-run; then milepost schemas ids",
    )
    mount(
        group,
        "ids",
        schemas.ids,
        "Show the id of each schema on topics.",
        example="milepost schemas ids --set registry.fixed_ids=true",
        then="milepost schemas register, where one has no id",
    )


def mount_view(on: typer.Typer) -> None:
    from milepost.commands import view

    group = group_of(on, "view", "What Redis holds of the projects.")
    mount(
        group,
        "rebuild",
        view.rebuild,
        "Empty Redis and fill it again from the topic.",
        example="milepost view rebuild --set redis.url=redis://127.0.0.1:6379/0",
        then="milepost show PROJECT --from redis",
    )


def mount_log(on: typer.Typer) -> None:
    from milepost.commands import log

    group = group_of(on, "log", "Copies of the engagement log.")
    mount(
        group,
        "export",
        log.export,
        "Copy the engagement log into files.",
        example="milepost log export --out backup/2026-03-31",
        then="keep the folder where no broker stores anything; milepost log import, should the log be lost",
    )
    mount(
        group,
        "import",
        log.import_,
        "Make a log again from a copy.",
        example="milepost log import --in backup/2026-03-31 --set kafka.generation=2",
        then="milepost serve intake, then milepost serve accounting, with the same generation; then milepost log compare",
    )
    mount(
        group,
        "compare",
        log.compare,
        "What receivers have to post after an import.",
        example="milepost log compare --before 1 --set kafka.generation=2",
        then="post what it says, with your own journal; nothing of it comes on the topics",
    )


def mount_repair(on: typer.Typer) -> None:
    from milepost.commands import mending

    mount(
        on,
        "repair",
        mending.repair,
        "Write the outputs that a shard has lost.",
        example="milepost repair --shard 3 --dry-run",
        then="the same without --dry-run, then milepost serve accounting",
    )


def mount_skip(on: typer.Typer) -> None:
    from milepost.commands import mending

    mount(
        on,
        "skip",
        mending.skip,
        "Let a shard or folder pass over a record that stops it.",
        example="milepost skip --shard 3 --offset 1200 --reason 'fault 81' --as ann --approved-by ben",
        then="milepost serve accounting, or milepost run of a folder; then correct by a new event what the record was to do",
    )
