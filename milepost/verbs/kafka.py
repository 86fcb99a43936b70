"""Verbs for Kafka, the registry and Redis."""

from __future__ import annotations

from typing import Final

from milepost.mounting import Verb, VerbGroup, Verbs

VERBS: Final[Verbs] = {
    "serve": VerbGroup(
        "The processes that work on Kafka.",
        {
            "intake": Verb(
                "serve.intake",
                "Take the events of the topics into the log.",
                "milepost serve intake --set kafka.brokers=127.0.0.1:9092",
                "milepost serve accounting --all-shards",
            ),
            "accounting": Verb(
                "serve.accounting",
                "Process the engagement log, until it is asked to stop.",
                "milepost serve accounting --ordinal 0 --of 4",
                "milepost doctor, where it does not start; docs/operations.md says what to do where it stops",
            ),
            "view": Verb(
                "serve.view",
                "Keep the newest views of projects in Redis.",
                "milepost serve view --set redis.url=redis://127.0.0.1:6379/0",
                "milepost doctor, where it waits: it says whether Redis answers",
            ),
            "delivery": Verb(
                "serve.delivery",
                "Deliver journals and statements to an ERP account.",
                "milepost serve delivery --erp books --set delivery.accounts=accounts.toml",
                "milepost doctor --for delivery, where nothing arrives; milepost status shows what waits",
            ),
        },
    ),
    "status": Verb(
        "status.status",
        "Everything that runs, on one screen.",
        "milepost status --once --interval 1",
        "milepost lag for each partition; docs/monitoring.md for what a figure means",
    ),
    "lag": Verb(
        "lag.lag",
        "How far behind intake and the shards are.",
        "milepost lag --all",
        "milepost status, where the processes run; docs/monitoring.md says what to do about a lag that grows",
    ),
    "topics": VerbGroup(
        "The topics: missing ones, wrong settings.",
        {
            "list": Verb(
                "topics.list_",
                "What each topic is for, and who writes and reads it.",
                "milepost topics list --set kafka.partitions=4",
                "milepost topics create --dry-run",
            ),
            "create": Verb(
                "topics.create",
                "Make the topics that are missing.",
                "milepost topics create --dry-run --set kafka.development=true",
                "milepost topics check",
            ),
            "check": Verb(
                "topics.check",
                "Compare topics with what they must be.",
                "milepost topics check --json",
                "change what it names with the tools of the brokers",
            ),
        },
    ),
    "schemas": VerbGroup(
        "The public contract: schemas of events and outputs.",
        {
            "check": Verb(
                "schemas.check",
                "Compare the schemas with what was released.",
                "milepost schemas check --json",
                "mend what it names, or milepost schemas freeze where the change is meant",
            ),
            "freeze": Verb(
                "schemas.freeze",
                "Release today's schemas as new versions.",
                "milepost schemas freeze",
                "commit the files in schemas/avro/history",
            ),
            "register": Verb(
                "schemas.register",
                "Register the schemas in a schema registry.",
                "milepost schemas register --dry-run --set registry.url=http://127.0.0.1:8081/apis/ccompat/v7",
                "the same without --dry-run; then milepost schemas ids",
            ),
            "ids": Verb(
                "schemas.ids",
                "Show the id of each schema on topics.",
                "milepost schemas ids --set registry.fixed_ids=true",
                "milepost schemas register, where one has no id",
            ),
        },
    ),
    "view": VerbGroup(
        "What Redis holds of the projects.",
        {
            "rebuild": Verb(
                "view.rebuild",
                "Empty Redis and fill it again from the topic.",
                "milepost view rebuild --set redis.url=redis://127.0.0.1:6379/0",
                "milepost show PROJECT --from redis",
            )
        },
    ),
    "log": VerbGroup(
        "Copies of the engagement log.",
        {
            "export": Verb(
                "log.export",
                "Copy the engagement log into files.",
                "milepost log export --out backup/2026-03-31",
                "keep the folder where no broker stores anything; milepost log import, should the log be lost",
            ),
            "import": Verb(
                "log.import_",
                "Make a log again from a copy.",
                "milepost log import --in backup/2026-03-31 --set kafka.generation=2",
                "milepost serve intake, then milepost serve accounting, with the same generation; then milepost log compare",
            ),
            "compare": Verb(
                "log.compare",
                "What receivers have to post after an import.",
                "milepost log compare --before 1 --set kafka.generation=2",
                "post what it says, with your own journal; nothing of it comes on the topics",
            ),
        },
    ),
    "repair": Verb(
        "mending.repair",
        "Write the outputs that a shard has lost.",
        "milepost repair --shard 3 --dry-run",
        "the same without --dry-run, then milepost serve accounting",
    ),
    "skip": Verb(
        "mending.skip",
        "Let a shard or folder pass over a record that stops it.",
        "milepost skip --shard 3 --offset 1200 --reason 'fault 81' --as ann --approved-by ben",
        "milepost serve accounting, or milepost run of a folder; then correct by a new event what the record was to do",
    ),
}
