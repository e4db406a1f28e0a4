"""What the programs that read deploy/ do not check: that its files agree with each other, with the
runbook, and with the metrics that the relay has.

tests/deploy/check runs it; the programs' own checks stand there.
"""

import json
import os
import re
import subprocess
import tempfile
import tomllib
import unittest
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"

# OPERATE.md names these; more are welcome.
PROMISED_ALERTS = """
    CadrelayDown CadrelayKafkaDown CadrelayEventsWaiting CadrelayLaneInTrouble CadrelaySpoolFilling
    CadrelayRefusing CadrelaySourceSilent CadrelaySignaturesRefused CadrelayQuarantined
    CadrelayProducerRestarts CadrelayDedupDegraded CadrelaySlowAnswers CadrelaySubscriptionDown
    CadrelayBooksDoNotBalance CadrelayFenced CadrelayDiskLow
""".split()

DASHBOARD_ROWS = """
    Health Receive Decide Commit Deliver Lanes Kafka Sources Books Subscriptions Process
""".split()

# Of Grafana's units, those that the dashboard uses. A misspelt unit shows nothing and says nothing.
UNITS = {
    "bytes", "dateTimeFromNow", "none", "ops", "percentunit", "reqps", "s", "short", "wps",
}  # fmt: skip


def load_yaml(path):
    return yaml.safe_load(path.read_text())


def rules():
    groups = load_yaml(DEPLOY / "prometheus/rules.yml")["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts():
    return [rule for rule in rules() if "alert" in rule]


def recorded():
    return [rule["record"] for rule in rules() if "record" in rule]


def metrics():
    lines = (ROOT / "tests/deploy/metrics.txt").read_text().splitlines()
    return [line for line in lines if not line.startswith("#")]


def known_series():
    """The names that a query may use, with the three of each histogram."""
    names = set(recorded()) | {"ALERTS"}
    for line in metrics():
        name, kind, *_ = line.split()
        names |= {name + end for end in ("_bucket", "_count", "_sum")} if kind == "histogram" else {name}
    return names


def known_labels():
    labels = {"job", "instance", "le", "alertname", "alertstate"}
    for line in metrics():
        labels |= set(line.split()[2:])
    return labels


def series_in(expression):
    """The names of series in a PromQL expression: what stands before `{`, `[`, or alone."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)", " ", bare)
    bare = re.sub(r"\{[^}]*\}", " ", bare)
    bare = re.sub(r"\[[^\]]*\]", " ", bare)
    names = re.findall(r"[a-zA-Z_:][a-zA-Z0-9_:]*(?!\s*\(|[a-zA-Z0-9_:])", bare)
    return set(names) - {"and", "or", "unless", "bool", "offset"} - {"sum", "min", "max", "count"}


def labels_in(expression):
    found = set()
    for matchers in re.findall(r"\{([^}]*)\}", expression):
        found |= set(re.findall(r"([a-zA-Z_]+)\s*(?:=~|!~|!=|=)", re.sub(r'"[^"]*"', '""', matchers)))
    for listed in re.findall(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)", expression):
        found |= {label.strip() for label in listed.split(",")} - {""}
    return found


def dashboard():
    return json.loads((DEPLOY / "grafana/dashboards/cadrelay.json").read_text())


def panels():
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def queries():
    return [(panel, target) for panel in panels() for target in panel["targets"]]


class Rules(unittest.TestCase):
    def test_every_series_and_label_is_one_that_exists(self):
        for rule in rules():
            with self.subTest(rule=rule.get("alert") or rule["record"]):
                self.assertEqual(set(), series_in(rule["expr"]) - known_series())
                self.assertEqual(set(), labels_in(rule["expr"]) - known_labels())

    def test_every_promised_alert_is_there(self):
        self.assertEqual(set(), set(PROMISED_ALERTS) - {alert["alert"] for alert in alerts()})

    def test_recordings_are_named_by_level_metric_and_operation(self):
        for name in recorded():
            self.assertRegex(name, r"^[a-z_]+:cadrelay_[a-z_]+:[a-z0-9_]+$")

    def test_every_alert_says_what_it_means_and_how_urgent_it_is(self):
        for alert in alerts():
            with self.subTest(alert=alert["alert"]):
                self.assertIn(alert["labels"]["severity"], {"page", "ticket", "info"})
                self.assertTrue(alert["annotations"]["summary"])
                self.assertIn("$value", alert["annotations"]["description"])

    def test_every_alert_has_its_heading_in_the_runbook_and_no_heading_is_left_over(self):
        headings = re.findall(r"^### (.+)$", (ROOT / "docs/RUNBOOK.md").read_text(), re.MULTILINE)

        self.assertEqual(sorted(headings), sorted(alert["alert"] for alert in alerts()))
        for alert in alerts():
            url = alert["annotations"]["runbook_url"]
            self.assertTrue(url.endswith("/docs/RUNBOOK.md#" + alert["alert"].lower()), url)

    def test_every_alert_is_tested_firing_and_silent(self):
        tests = load_yaml(DEPLOY / "prometheus/rules_test.yml")["tests"]
        checks = [check for test in tests for check in test.get("alert_rule_test", [])]

        for alert in alerts():
            mine = [check["exp_alerts"] for check in checks if check["alertname"] == alert["alert"]]
            with self.subTest(alert=alert["alert"]):
                self.assertTrue(any(mine), "never shown firing")
                self.assertIn([], mine, "never shown silent")

    def test_the_healthy_day_has_every_series_that_a_rule_reads(self):
        """It has a restart and an unused source, and nothing fires: which says something of an
        alert only if its series are there."""
        day = load_yaml(DEPLOY / "prometheus/rules_test.yml")["tests"][0]
        present = {re.match(r"\w+", series["series"])[0] for series in day["input_series"]}

        self.assertEqual("a healthy day", day["name"])
        for rule in rules():
            with self.subTest(rule=rule.get("alert") or rule["record"]):
                self.assertEqual(set(), series_in(rule["expr"]) - present - set(recorded()))


class Runbook(unittest.TestCase):
    def test_every_entry_has_its_five_parts(self):
        text = (ROOT / "docs/RUNBOOK.md").read_text()
        entries = re.split(r"^### ", text, flags=re.MULTILINE)[1:]

        for entry in entries:
            name = entry.splitlines()[0]
            for part in ("**Meaning.**", "**Impact.**", "**Safe.**", "**Look at.**", "**Do.**"):
                with self.subTest(entry=name, part=part):
                    self.assertIn(part, entry)

    def test_it_names_no_series_that_does_not_exist(self):
        text = (ROOT / "docs/RUNBOOK.md").read_text()
        named = set(re.findall(r"\b(?:cadrelay|process)_[a-z_]+[a-z]\b", text))

        self.assertEqual(set(), named - {line.split()[0] for line in metrics()})


class Dashboard(unittest.TestCase):
    """The rules of Grafana's dashboard-linter, and a little more."""

    def test_it_has_its_rows_in_the_order_of_the_walk(self):
        rows = [panel["title"] for panel in dashboard()["panels"] if panel["type"] == "row"]
        self.assertEqual(rows, DASHBOARD_ROWS)

    def test_ids_are_unique_and_panels_do_not_overlap(self):
        everything = dashboard()["panels"]
        ids = [panel["id"] for panel in everything]
        cells = []
        for panel in everything:
            at = panel["gridPos"]
            self.assertLessEqual(at["x"] + at["w"], 24, panel["title"])
            for x in range(at["x"], at["x"] + at["w"]):
                cells += [(x, y) for y in range(at["y"], at["y"] + at["h"])]

        self.assertEqual(len(ids), len(set(ids)))
        self.assertEqual(len(cells), len(set(cells)))

    def test_every_panel_says_what_it_shows_and_in_what_unit(self):
        for panel in panels():
            with self.subTest(panel=panel["title"]):
                self.assertTrue(panel["title"])
                self.assertRegex(panel["description"], r"\.$")
                self.assertIn(panel["fieldConfig"]["defaults"]["unit"], UNITS)
                self.assertTrue(panel["targets"])

    def test_every_panel_takes_the_data_source_that_was_chosen(self):
        for panel, target in queries():
            for holder in (panel, target):
                self.assertEqual(holder["datasource"], {"type": "prometheus", "uid": "$datasource"})

    def test_the_variables_are_data_source_job_and_instance(self):
        source, *others = dashboard()["templating"]["list"]

        self.assertEqual((source["name"], source["label"]), ("datasource", "Data source"))
        self.assertEqual((source["type"], source["query"]), ("datasource", "prometheus"))
        self.assertEqual([variable["name"] for variable in others], ["job", "instance"])
        for variable in others:
            self.assertEqual(variable["label"], variable["name"].title())
            self.assertEqual(variable["datasource"]["uid"], "$datasource")
            self.assertEqual((variable["multi"], variable["allValue"]), (True, ".+"))
            # On every change of the time range.
            self.assertEqual(variable["refresh"], 2)

    def test_it_cannot_be_edited_in_place(self):
        self.assertFalse(dashboard()["editable"])

    def test_every_series_and_label_is_one_that_exists(self):
        for panel, target in queries():
            with self.subTest(panel=panel["title"]):
                expression = target["expr"].replace("$__rate_interval", "1m").replace("$__range", "1h")
                self.assertEqual(set(), series_in(expression) - known_series())
                self.assertEqual(set(), labels_in(expression) - known_labels())

    def test_every_series_is_chosen_by_job_and_instance(self):
        for panel, target in queries():
            with self.subTest(panel=panel["title"]):
                selectors = re.findall(r"\{[^}]*\}", target["expr"])
                self.assertGreaterEqual(len(selectors), len(series_in(target["expr"])))
                for selector in selectors:
                    self.assertIn('job=~"$job", instance=~"$instance"', selector)

    def test_rates_follow_the_step_and_counters_are_never_shown_raw(self):
        for panel, target in queries():
            with self.subTest(panel=panel["title"]):
                expression = target["expr"]
                for window in re.findall(r"\brate\([^\[]*\[([^\]]*)\]", expression):
                    self.assertEqual(window, "$__rate_interval")
                for before in re.findall(r"(\w*\(?)[a-z_]+_total\{", expression):
                    self.assertIn(before, {"rate(", "increase("})
                for before in re.findall(r"(\w*\(?)[a-z_]+_bucket\{", expression):
                    self.assertEqual(before, "rate(")

    def test_every_query_is_valid(self):
        recordings = [
            {"record": f"panel_{panel['id']}:query:{target['refId'].lower()}", "expr": self.concrete(target["expr"])}
            for panel, target in queries()
        ]
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
            yaml.safe_dump({"groups": [{"name": "queries", "rules": recordings}]}, file)
            file.flush()
            promtool = os.environ["CADRELAY_PROMTOOL"]
            checked = subprocess.run([promtool, "check", "rules", file.name], capture_output=True, text=True)

        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    @staticmethod
    def concrete(expression):
        return expression.replace("$__rate_interval", "1m").replace("$__range", "1h")


class Compose(unittest.TestCase):
    def setUp(self):
        self.services = load_yaml(ROOT / "docker-compose.yml")["services"]

    def test_only_ingest_is_open_to_other_machines(self):
        open_ports = [
            port
            for service in self.services.values()
            for port in service["ports"]
            if not port.startswith("127.0.0.1:")
        ]
        self.assertEqual(open_ports, ["8080:8080"])

    def test_every_service_is_pinned_watched_and_given_time_to_stop(self):
        for name, service in self.services.items():
            with self.subTest(service=name):
                if "build" not in service:
                    self.assertRegex(service["image"], r":v?\d+\.\d+\.\d+$")
                self.assertIn("healthcheck", service)
                self.assertIn("stop_grace_period", service)

    def test_what_it_mounts_is_there(self):
        for service in self.services.values():
            for volume in service["volumes"]:
                source = volume.split(":")[0]
                if source.startswith("."):
                    self.assertTrue((ROOT / source).exists(), source)

    def test_its_kafka_is_the_one_of_the_tests(self):
        pom = (ROOT / "tests/kafka/pom.xml").read_text()
        version = re.search(r"<kafka.version>(.*)</kafka.version>", pom)[1]

        self.assertEqual(self.services["kafka"]["image"], f"apache/kafka:{version}")

    def test_prometheus_scrapes_the_port_that_the_relay_listens_on(self):
        with (DEPLOY / "cadrelay.toml").open("rb") as file:
            settings = tomllib.load(file)
        scrapes = load_yaml(DEPLOY / "prometheus/prometheus.yml")["scrape_configs"]
        port = settings["admin"]["listen"].rsplit(":", 1)[1]

        targets = {scrape["job_name"]: scrape["static_configs"][0]["targets"] for scrape in scrapes}
        self.assertEqual(targets["cadrelay"], [f"relay:{port}"])
        self.assertIn("relay", self.services)


class Chart(unittest.TestCase):
    CHART = DEPLOY / "helm/cadrelay"

    def test_its_rules_and_dashboard_are_those_of_deploy(self):
        # A chart can read only what lies in its own folder.
        for copy, original in (
            ("rules.yml", "prometheus/rules.yml"),
            ("cadrelay.json", "grafana/dashboards/cadrelay.json"),
        ):
            self.assertEqual(
                (self.CHART / "files" / copy).read_text(),
                (DEPLOY / original).read_text(),
                f"cp deploy/{original} deploy/helm/cadrelay/files/{copy}",
            )

    def test_every_value_is_in_the_schema_and_no_other_is_taken(self):
        schema = json.loads((self.CHART / "values.schema.json").read_text())

        def compare(values, properties, path):
            for name, value in values.items():
                self.assertIn(name, properties, path)
                inner = properties[name]
                if isinstance(value, dict) and "properties" in inner:
                    self.assertIs(inner["additionalProperties"], False, f"{path}.{name}")
                    compare(value, inner["properties"], f"{path}.{name}")

        self.assertIs(schema["additionalProperties"], False)
        compare(load_yaml(self.CHART / "values.yaml"), schema["properties"], "values")

    def test_the_token_of_admin_comes_from_one_secret_for_the_relay_and_for_prometheus(self):
        made = list(yaml.safe_load_all(Path(os.environ["CADRELAY_CHART"]).read_text()))
        by_kind = {one["kind"]: one["spec"] for one in made if one and "spec" in one}
        relay = by_kind["StatefulSet"]["template"]["spec"]["containers"][0]
        environment = {one["name"]: one for one in relay["env"]}
        endpoint = by_kind["ServiceMonitor"]["endpoints"][0]

        reference = environment["CADRELAY__ADMIN__TOKEN"]["valueFrom"]["secretKeyRef"]
        self.assertEqual(reference, {"name": "cadrelay", "key": "admin-token"})
        self.assertEqual(endpoint["authorization"], {"type": "Bearer", "credentials": reference})

    def test_a_stop_is_delayed_in_the_chart_and_in_the_unit_and_has_the_time(self):
        made = list(yaml.safe_load_all(Path(os.environ["CADRELAY_CHART"]).read_text()))
        pod = next(one for one in made if one and one["kind"] == "StatefulSet")["spec"]["template"]["spec"]
        environment = {one["name"]: one.get("value") for one in pod["containers"][0]["env"]}
        unit = (DEPLOY / "systemd/cadrelay.service").read_text()

        self.assertEqual(environment["CADRELAY__HTTP__STOP_DELAY"], "5s")
        self.assertGreaterEqual(pod["terminationGracePeriodSeconds"], 5 + 10)
        self.assertIn("\nEnvironment=CADRELAY__HTTP__STOP_DELAY=5s\n", unit)
        self.assertGreaterEqual(int(re.search(r"TimeoutStopSec=(\d+)", unit)[1]), 5 + 10)

    def test_the_pod_has_the_ports_that_its_configuration_opens(self):
        settings = tomllib.loads(load_yaml(self.CHART / "values.yaml")["config"])
        template = (self.CHART / "templates/statefulset.yaml").read_text()
        ports = dict(re.findall(r"- name: (\w+)\n\s+containerPort: (\d+)", template))

        self.assertEqual(settings["http"]["listen"], f"0.0.0.0:{ports['ingest']}")
        self.assertEqual(settings["admin"]["listen"], f"0.0.0.0:{ports['admin']}")
        self.assertIn(f"mountPath: {settings['spool']['dir']}\n", template)


if __name__ == "__main__":
    unittest.main()
