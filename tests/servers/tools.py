"""Kafka's own commands, from the archives of the broker that is fetched: what its packages bring as `kafka-*.sh`."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.servers.fetched import java, kafka_classpath
from tests.servers.server import HOST

TOOLS: Final[Mapping[str, str]] = {
    "kafka-acls": "org.apache.kafka.tools.AclCommand",
    "kafka-configs": "kafka.admin.ConfigCommand",
    "kafka-console-consumer": "org.apache.kafka.tools.consumer.ConsoleConsumer",
    "kafka-consumer-groups": "org.apache.kafka.tools.consumer.group.ConsumerGroupCommand",
    "kafka-delete-records": "org.apache.kafka.tools.DeleteRecordsCommand",
    "kafka-get-offsets": "org.apache.kafka.tools.GetOffsetShell",
    "kafka-topics": "org.apache.kafka.tools.TopicCommand",
    "kafka-transactions": "org.apache.kafka.tools.TransactionsCommand",
}
BOOTSTRAP: Final = "--bootstrap-server"
DEFAULT_PORT: Final = 9092
# Faults and nothing else, beside what the command prints.
LOG4J: Final = """\
rootLogger.level = ERROR
rootLogger.appenderRef.console.ref = Console
appender.console.type = Console
appender.console.name = Console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %m%n
"""


def tool_of(name: str) -> str | None:
    """The class behind a command, also where its name ends as a script's."""
    return TOOLS.get(name.removesuffix(".sh"))


def run_tool(main: str, arguments: Sequence[str]) -> int:
    """Its exit code; what it prints goes where ours does. Asks the broker of `make kafka` where none is named."""
    asked = [] if BOOTSTRAP in arguments else [BOOTSTRAP, f"{HOST}:{DEFAULT_PORT}"]
    with tempfile.TemporaryDirectory() as folder:
        settings = Path(folder, "log4j2.properties")
        settings.write_text(LOG4J, encoding="utf-8")
        quick = ["-Xmx128m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", f"-Dlog4j2.configurationFile={settings}"]
        command = [java(), *quick, "-cp", kafka_classpath(), main, *asked, *arguments]
        return subprocess.run(command, env=os.environ, check=False).returncode
