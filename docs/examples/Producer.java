import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Writes a small firm's March as events: java Producer.java FOLDER */
class Producer {
    public static void main(String[] arguments) throws IOException {
        var rates = List.of(fields("rate", "120", "effective_from", "2026-01-01"));
        var line = fields("line_id", "L-1", "project_id", "BRIDGE",
                "terms", fields("type", "TimeAndMaterials", "rates", rates));
        var topics = Map.of(
            "finance.reference", List.of(
                event("LegalEntityDefined", "2026-03-01T08:00:00Z", "legal_entity_id", "BERLIN", "version", 1,
                    "name", "Berlin GmbH", "currency", "EUR", "zone", "Europe/Berlin",
                    "fiscal_calendar", fields("kind", "calendar_month")),
                event("CustomerDefined", "2026-03-01T08:00:01Z", "customer_id", "ACME", "version", 1,
                    "name", "Acme AG"),
                event("CostRateSet", "2026-03-01T08:00:02Z", "cost_rate_id", "ADA-2026", "version", 1,
                    "person_id", "ADA", "currency", "EUR", "rate", "62.50", "effective_from", "2026-01-01")),
            "hr.people", List.of(
                event("PersonDefined", "2026-03-01T08:00:03Z", "person_id", "ADA", "version", 1,
                    "legal_entity_id", "BERLIN", "role", "senior", "cost_center", "110")),
            "psa.projects", List.of(
                event("ProjectActivated", "2026-03-01T08:00:04Z", "project_id", "BRIDGE", "version", 1,
                    "name", "Bridge", "legal_entity_id", "BERLIN", "starts_on", "2026-03-01",
                    "budget", fields("hours", "100", "cost", "6250"))),
            "crm.contracts", List.of(
                event("ContractSigned", "2026-03-01T08:00:05Z", "contract_id", "K-1", "version", 1,
                    "customer_id", "ACME", "legal_entity_id", "BERLIN", "currency", "EUR",
                    "signed_on", "2026-02-20", "starts_on", "2026-03-01", "lines", List.of(line))),
            "psa.time", List.of(
                time("T-1", 1, "2026-03-02", "8", "2026-03-02T18:00:00+01:00"),
                time("T-2", 1, "2026-03-03", "6.5", "2026-03-03T18:00:00+01:00"),
                time("T-3", 1, "2026-03-04", "4", "2026-03-04T18:00:00+01:00"),
                time("T-2", 2, "2026-03-03", "5.5", "2026-03-05T09:00:00+01:00")));
        var folder = Files.createDirectories(Path.of(arguments[0]));
        for (var topic : topics.entrySet()) {
            Files.write(folder.resolve(topic.getKey() + ".jsonl"), topic.getValue().stream().map(Producer::json).toList());
        }
    }

    static Map<String, Object> time(String entry, int version, String workedOn, String hours, String approvedAt) {
        return event("TimeApproved", approvedAt, "entry_id", entry, "version", version, "project_id", "BRIDGE",
            "person_id", "ADA", "worked_on", workedOn, "hours", hours, "submitted_by", "ADA", "approved_by", "BEN");
    }

    static Map<String, Object> event(String type, String occurredAt, Object... more) {
        var found = fields("type", type, "event_id", type + "-" + occurredAt, "occurred_at", occurredAt,
            "source", "example");
        found.putAll(fields(more));
        return found;
    }

    static Map<String, Object> fields(Object... namesAndValues) {
        var found = new LinkedHashMap<String, Object>();
        for (int at = 0; at < namesAndValues.length; at += 2) {
            found.put((String) namesAndValues[at], namesAndValues[at + 1]);
        }
        return found;
    }

    static String json(Object value) {
        if (value instanceof Map<?, ?> map) {
            return map.entrySet().stream().map(each -> json(each.getKey()) + ": " + json(each.getValue()))
                .collect(Collectors.joining(", ", "{", "}"));
        }
        if (value instanceof List<?> list) {
            return list.stream().map(Producer::json).collect(Collectors.joining(", ", "[", "]"));
        }
        if (value instanceof String text) {
            return '"' + text.replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n").replace("\t", "\\t") + '"';
        }
        return String.valueOf(value);
    }
}
