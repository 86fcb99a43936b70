"""All commands by the groups in which `milepost --help` lists them: what somebody wants, not by name."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Final

from milepost.mounting import Verb, VerbGroup, Verbs
from milepost.plain_words import ImportGroup, ShowingGroup, SignedAmounts

# The made-up firm stays out of images.
HAS_SIMULATION: Final = find_spec("simulation") is not None


# By key of the product: its name.
EXPORTS: Final = {
    "harvest": "Harvest",
    "toggl": "Toggl",
    "clockify": "Clockify",
    "solidtime": "solidtime",
    "kimai": "Kimai",
}
BRINGING_IN: Final[Verbs] = {
    "import": VerbGroup(
        "Turn files of other systems into events.",
        {
            "csv": Verb(
                "import_.import_csv",
                "Time from any CSV export.",
                "milepost import csv hours.csv --map docs/mappings/harvest.toml --out books/input",
                "milepost run --input books/input --output books/output",
            ),
            "balances": Verb(
                "import_balances.import_balances",
                "Where running projects stand, to begin while they run.",
                "milepost import balances balances.csv --map docs/mappings/balances.toml --out books/input",
                "milepost run, and milepost ledger --against the old ledger's balances",
            ),
            "contracts": Verb(
                "import_contracts.import_contracts",
                "Contracts with their terms, customers, people and projects.",
                "milepost import contracts contracts.csv --map docs/mappings/contracts.toml --since 2026-06-30 --out books/input",
                "milepost import balances, where projects run already; milepost run",
            ),
            "ecb": Verb(
                "import_.import_ecb",
                "Exchange rates of the European Central Bank.",
                "milepost import ecb eurofxref-hist.zip --from 2026-01-01 --currencies USD,GBP --out books/input",
                "milepost run --input books/input --output books/output",
            ),
            **{
                key: Verb(
                    f"import_exports.{key}",
                    f"Time from the detailed export of {name}.",
                    f"milepost import {key} {'export.zip' if key == 'solidtime' else 'hours.csv'} --out books/input --bootstrap"
                    " --entity studio --currency EUR --zone Europe/Berlin",
                    "milepost run --input books/input --output books/output",
                )
                for key, name in EXPORTS.items()
            },
            "auto": Verb(
                "import_exports.auto",
                "Time from whichever of these the header names.",
                "milepost import auto hours.csv --out books/input",
                "milepost run --input books/input --output books/output",
            ),
        },
        ImportGroup,
    ),
    "run": Verb(
        "run.run",
        "Account for what is new in a folder of events.",
        "milepost run --input build/try/input --output build/try/output --until 2026-04-30",
        "milepost ledger --output build/try/output",
    ),
}

THE_FIRM: Final[Verbs] = {
    "projects": Verb(
        "glance.projects",
        "Each project: budget, margin, unbilled, forecast.",
        "milepost projects --open --sort unbilled --output build/try/output",
        "milepost show on a project, or the same with --xlsx projects.xlsx",
    ),
    "clients": Verb(
        "glance.clients",
        "Each client: revenue, unbilled, owed, overdue.",
        "milepost clients --sort owed --output build/try/output",
        "milepost receivables --client C-00001 --output build/try/output",
    ),
    "receivables": Verb(
        "glance.receivables",
        "What customers owe, by invoice and age.",
        "milepost receivables --sort days_overdue --output build/try/output",
        "milepost explain on an invoice that it names",
    ),
    "unbilled": Verb(
        "glance.unbilled",
        "What is earned and not invoiced, and why.",
        "milepost unbilled --as-of 2026-02-28 --output build/try/output",
        "approve, release or request what waits; milepost run, which cuts statements as days end",
    ),
    "prepaid": Verb(
        "glance.prepaid",
        "Retainers and deposits: granted, used, left.",
        "milepost prepaid --since 2026-01-01 --output build/try/output",
        "milepost explain on an id that --json or a page names",
    ),
    "people": Verb(
        "glance.people",
        "Hours, billable share, cost and capacity.",
        "milepost people --from 2026-02 --to 2026-02 --output build/try/output",
        "the same with --by-project, or --csv people.csv",
    ),
    "statement": VerbGroup(
        "Show statements; approve or return drafts.\n\n`milepost statement ID` shows one.",
        {
            "show": Verb(
                "statement.statement",
                "One as the customer gets it; without an id all.",
                "milepost statement show K-00003.K-00003/C-00001/2026-02-16/1 --html statement.html --locale de_DE "
                "--output build/small/output",
                "open the page and print it; or the same with --group-by week, --no-names, or --diff previous",
            ),
            "approve": Verb(
                "statement_decision.approve",
                "Approve drafts, which issues them.",
                "milepost statement approve K-00003.K-00003/C-00001/2026-02-16/1 --as ben --output build/small/output",
                "milepost run, which issues them",
            ),
            "return": Verb(
                "statement_decision.return_",
                "Return drafts, with what is to be corrected.",
                "milepost statement return K-00003.K-00003/C-00001/2026-02-16/1 --reason 'hours of 3 March' --output build/small/output",
                "correct the work; milepost run, which drafts the next revision",
            ),
        },
        ShowingGroup,
    ),
    "forecast": Verb(
        "forecast.forecast",
        "Show where a project is heading, and why that changed.",
        "milepost forecast PRJ-00004 --since 2026-02-15 --output build/try/output",
        "the same with --html forecast.html for a page with charts",
    ),
    "ledger": Verb(
        "ledger.ledger",
        "Show trial balance and roll-forwards of a company.",
        "milepost ledger --entity LE-DE --period 2026-02 --output build/try/output",
        "the same with --csv for a spreadsheet, or milepost verify --output build/try/output",
    ),
    "show": Verb(
        "show.show",
        "Explain a project, a contract group or a statement.",
        "milepost show PRJ-00004 --output build/try/output",
        "milepost show on a statement that it names, or milepost forecast PRJ-00004 --output build/try/output",
    ),
}

DAILY_WORK: Final[Verbs] = {
    "invoice": VerbGroup(
        "Invoices of statements that are posted elsewhere.",
        {
            "mark": Verb(
                "invoice.mark",
                "Say that a statement's invoice is posted.",
                "milepost invoice mark K-00003.K-00003/C-00001/2026-02-16/1 --posted-on 2026-03-02 --output build/small/output",
                "milepost run, which books what is owed",
            )
        },
    ),
    "payment": VerbGroup(
        "What customers have paid.",
        {
            "add": Verb(
                "payment.add",
                "Say that a customer has paid.",
                "milepost payment add C-00001 1190.00 EUR --on 2026-03-20 --oldest --output build/try/output",
                "milepost run, which books the cash",
                of=SignedAmounts,
            ),
            "apply": Verb(
                "payment.apply",
                "Say which invoices a payment is for.",
                "milepost payment apply PAY-000001 --for INV-000042 --output build/try/output",
                "milepost run, then milepost receivables",
            ),
        },
    ),
    "contract": VerbGroup(
        "Contracts signed and amended, with their effects first.",
        {
            "sign": Verb(
                "contract.sign",
                "Sign a contract from a file, after a look at what it does.",
                "milepost contract sign contract.toml --output build/try/output",
                "milepost run, which takes the contract in",
            ),
            "amend": Verb(
                "contract.amend",
                "Change the terms, after a look at what that does.",
                "milepost contract amend K-00003 --effective-on 2026-04-01 --set lines[0].cost_budget=9000 --reason 'new scope' "
                "--approved-by ben --output build/try/output",
                "milepost run, which takes the new terms in",
            ),
        },
    ),
    "revenue": VerbGroup(
        "Revenue that is adjusted by hand.",
        {
            "adjust": Verb(
                "revenue.adjust",
                "Add to what a contract line earned, or take away.",
                "milepost revenue adjust K-00003 1 1000.00 --on 2026-03-31 --reverse-on 2026-04-01 --reason 'bonus for March' "
                "--approved-by ben --output build/try/output",
                "milepost run, which posts it",
                of=SignedAmounts,
            )
        },
    ),
    "period": VerbGroup(
        "Accounting periods: closed, open again.",
        {
            "list": Verb(
                "glance.periods",
                "Which are closed, since when, and by whom.",
                "milepost period list --company LE-DE --output build/try/output",
                "milepost period close, or milepost period reopen",
            ),
            "check": Verb(
                "period.check",
                "What is open before one closes, and what mends it.",
                "milepost period check LE-DE 2026-02 --output build/try/output",
                "milepost period close, which checks it again",
            ),
            "close": Verb(
                "period.close",
                "Later work is posted on the next open day.",
                "milepost period close LE-DE 2026-02 --reason 'February is reported' --approved-by ben --output build/try/output",
                "milepost run, which closes it",
            ),
            "reopen": Verb(
                "period.reopen",
                "What comes later may take its days again.",
                "milepost period reopen LE-DE 2026-01 --reason 'late invoice of the auditor' --approved-by ben --output build/try/output",
                "milepost run, which opens it",
            ),
            "certificate": Verb(
                "period.certificate",
                "What a close certified, to be recomputed anywhere.",
                "milepost period certificate LE-DE 2026-01 --out build/try/2026-01.json --output build/try/output",
                "milepost verify --certificate build/try/2026-01.json --output build/try/output",
            ),
        },
    ),
    "exceptions": VerbGroup(
        "What waits for somebody, and decisions about it.",
        {
            "list": Verb(
                "exceptions.list_",
                "Exceptions by cause, with the money at risk.",
                "milepost exceptions list --kind no_rate --output build/try/output",
                "milepost exceptions show on one of them, or assign, waive and resend",
            ),
            "show": Verb(
                "exceptions.show",
                "One with its fact, its history and its way out.",
                "milepost exceptions show PRJ-00004.1f0c2a9b77d1e2f300112233 --output build/try/output",
                "send what is missing, milepost exceptions resend what is wrong, or waive it",
            ),
            "assign": Verb(
                "exceptions.assign",
                "Say who takes care of exceptions.",
                "milepost exceptions assign --kind no_rate --to ann --yes --output build/try/output",
                "milepost run, which names the person in each exception",
            ),
            "resolve": Verb(
                "exceptions.resolve",
                "Say that exceptions are settled outside.",
                "milepost exceptions resolve --kind over_cap --reason 'agreed' --approved-by ben --output build/try/output",
                "milepost run, which closes them, and raises again what is still missing",
            ),
            "waive": Verb(
                "exceptions.waive",
                "Let faults pass, such as too many hours.",
                "milepost exceptions waive PRJ-00004.1f0c2a9b77d1e2f300112233 --reason 'on call' --approved-by ben "
                "--output build/try/output",
                "milepost run, which posts what waited",
            ),
            "resend": Verb(
                "exceptions.resend",
                "Send its fact again, corrected.",
                "milepost exceptions resend PRJ-00004.1f0c2a9b77d1e2f300112233 --set hours=8 --approved-by ben --output build/try/output",
                "milepost run, which reverses what was posted and posts what is right",
            ),
        },
    ),
    "dead-letters": VerbGroup(
        "What could not be read, and sending it again.",
        {
            "list": Verb(
                "dead_letters.list_",
                "What could not be read, by reason.",
                "milepost dead-letters list --type TimeApproved --output build/try/output",
                "milepost dead-letters show on one of them",
            ),
            "show": Verb(
                "dead_letters.show",
                "One message as it came, and what is wrong.",
                "milepost dead-letters show time.jsonl:17 --output build/try/output",
                "milepost dead-letters resend, with what is right",
            ),
            "resend": Verb(
                "dead_letters.resend",
                "Send them again, put right.",
                "milepost dead-letters resend time.jsonl:17 --set worked_on=2026-03-04 --output build/try/output",
                "milepost run, which takes the new event in",
            ),
        },
    ),
}

PROOF: Final[Verbs] = {
    "explain": Verb(
        "explain.explain",
        "Show why a figure is what it is, down to the events.",
        "milepost explain PRJ-00004#accrued --output build/try/output",
        "milepost explain on any id that it shows; --html FILE for a page to click through",
    ),
    "between": Verb(
        "between.between",
        "Show what came between two moments, and what it moved.",
        "milepost between 2026-02-28 2026-03-31 --output build/try/output",
        "milepost explain on any id that it shows, or milepost ledger --as-of either day",
    ),
    "whatif": Verb(
        "whatif.whatif",
        "Show what events would do if they came next.",
        "milepost whatif --output build/try/output --change change.jsonl --on 2026-03-31",
        "send the event, if it is what was wanted, and milepost run; or change it and ask again",
    ),
    "verify": Verb(
        "verify.verify",
        "Audit an output folder.",
        "milepost verify --output build/try/output",
        "deliver; or, where something does not hold, keep the folder as it is and look at what is named",
    ),
    "dump": Verb(
        "dump.dump",
        "Print any output as lines, for people or as JSON.",
        "milepost dump exceptions --json --output build/try/output",
        "milepost show on what it names; jq, or any tool that reads JSON lines",
        has_folders=False,
    ),
}

THE_ERP: Final[Verbs] = {
    "accounts": VerbGroup(
        "Where journals and invoices go in the ERPs.",
        {
            "new": Verb(
                "accounts.new",
                "A beginning of accounts.toml, of what a run used.",
                "milepost accounts new --kind netsuite --output build/try/output > accounts.toml",
                "fill in the ERP's accounts; milepost accounts check --output build/try/output",
            ),
            "check": Verb(
                "accounts.check",
                "Whether accounts.toml has a place for all that was posted.",
                "milepost accounts check --accounts accounts.toml --output build/try/output",
                "write what is missing under the table that is named; then deliver",
                has_folders=False,
            ),
        },
    ),
    "deliver": Verb(
        "deliver.deliver",
        "Send journals and invoices to the ERPs, each once.",
        "milepost deliver --output build/try/output --accounts accounts.toml",
        "milepost run, which takes the answers in; milepost reconcile",
    ),
    "reconcile": Verb(
        "reconcile.reconcile",
        "Compare what was posted with the ERP's ledger.",
        "milepost reconcile --entity LE-DE --period 2026-02 --accounts accounts.toml --output build/try/output",
        "milepost run, which raises what differs as exceptions and closes those that are gone",
    ),
}

ON_KAFKA: Final[Verbs] = {
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
        "on_kafka.status",
        "Everything that runs, on one screen.",
        "milepost status --once --interval 1",
        "milepost lag for each partition; docs/monitoring.md for what a figure means",
    ),
    "lag": Verb(
        "on_kafka.lag",
        "How far behind intake and the shards are.",
        "milepost lag --all",
        "milepost status, where the processes run; docs/monitoring.md says what to do about a lag that grows",
    ),
    "topics": VerbGroup(
        "The topics: missing ones, wrong settings.",
        {
            "list": Verb(
                "on_kafka.list_topics",
                "What each topic is for, and who writes and reads it.",
                "milepost topics list --set kafka.partitions=4",
                "milepost topics create --dry-run",
            ),
            "create": Verb(
                "on_kafka.create_topics",
                "Make the topics that are missing.",
                "milepost topics create --dry-run --set kafka.development=true",
                "milepost topics check",
            ),
            "check": Verb(
                "on_kafka.check_topics",
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
                "on_kafka.rebuild_view",
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

SETTING_UP: Final[Verbs] = {
    "settings": VerbGroup(
        "Which settings hold, and where they come from.",
        {
            "show": Verb(
                "settings.show", "The settings that hold.", "milepost settings show --origin", "milepost doctor"
            ),
            "schema": Verb(
                "settings.schema",
                "The JSON Schema of the settings file.",
                "milepost settings schema > milepost.schema.json",
                "#:schema milepost.schema.json as the first line of milepost.toml, for editors",
            ),
        },
    ),
    "doctor": Verb(
        "doctor.doctor",
        "See what can be reached, and what to do.",
        "milepost doctor --set kafka.development=true",
        "what it says, from the top: later lines often follow from earlier ones",
    ),
    "help": Verb(
        "help.help_",
        "What a command does; what exit codes say.",
        "milepost help exit-codes",
        "milepost --help lists all commands",
    ),
}

TRYING: Final[Verbs] = {
    "simulate": Verb(
        "simulate.simulate",
        "Make up a consulting firm and write its events.",
        "milepost simulate --seed 7 --people 16 --projects 12 --months 3 --out build/try/input",
        "milepost run --input build/try/input --output build/try/output",
        has_folders=False,
    ),
    "simulate-invoices": Verb(
        "simulate.simulate_invoices",
        "Answer the statements of a run as an ERP would.",
        "milepost simulate-invoices --output build/try/output --input build/try/input",
        "milepost run --input build/try/input --output build/try/output",
        has_folders=False,
    ),
    "simulate-erp": Verb(
        "simulate.simulate_erp",
        "Be an ERP that keeps books and behaves badly.",
        "milepost simulate-erp --kind netsuite --folder build/try/erp --trouble lost=30 --trouble throttled=10",
        "deliver to it with the accounts.toml that it writes; GET /simulated/ledger shows its books",
        has_folders=False,
    ),
}

GROUPS: Final[Mapping[str, Verbs]] = {
    "Bring events in": BRINGING_IN,
    "The firm": THE_FIRM,
    "Daily work": DAILY_WORK,
    "Why, what if, and proof": PROOF,
    "The ERP": THE_ERP,
    "On Kafka": ON_KAFKA,
    "Settings and help": SETTING_UP,
    "To try it": TRYING if HAS_SIMULATION else {},
}
VERBS: Final[Verbs] = {name: verb for verbs in GROUPS.values() for name, verb in verbs.items()}
