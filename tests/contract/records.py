"""Validates each snapshot of a record against schemas/, with a validator that is not ours.

A field that a schema does not name is an error here, so that none is forgotten there.
"""

import copy
import json
import pathlib
import sys

from jsonschema import Draft202012Validator

ROOT = pathlib.Path(__file__).parents[2]
SCHEMAS = ROOT / "schemas"


GAP = "com.cadrelay.subscription.gap"


def schema(name: str) -> Draft202012Validator:
    described = json.loads((SCHEMAS / f"{name}.json").read_text())
    Draft202012Validator.check_schema(described)
    closed = {**described, "additionalProperties": False}
    properties = closed["properties"]
    if "resource" in properties:
        resource = {**properties["resource"], "additionalProperties": False}
        closed["properties"] = {**properties, "resource": resource}
    return Draft202012Validator(closed)


def refuse(constant: str) -> None:
    sys.exit(f"{constant} is no JSON")


def record(snapshot: pathlib.Path) -> tuple[dict, dict]:
    _, text = snapshot.read_text().split("\n---\n", 1)
    head, value = text.split("\n\n", 1)
    headers = dict(line.split(": ", 1) for line in head.splitlines())
    return headers, json.loads(value, parse_constant=refuse)


def faults(validator: Draft202012Validator, value: object) -> list[str]:
    return [f"{error.json_path}: {error.message:.200}" for error in validator.iter_errors(value)]


def main() -> None:
    document = json.loads((SCHEMAS / "asyncapi.json").read_text())
    topics = {channel["address"]: name for name, channel in document["channels"].items()}
    components = document["components"]
    of_headers, of_gap_headers = (
        Draft202012Validator({**described, "additionalProperties": False})
        for described in (components["schemas"]["headers"], components["messages"]["gap"]["headers"])
    )
    snapshots = sorted((ROOT / "tests/fixtures/records").glob("*/*.snap"))
    wrong, seen = [], set()
    for snapshot in snapshots:
        headers, value = record(snapshot)
        topic, key = headers.pop("topic"), headers.pop("key")
        seen.add(topic)
        is_gap = headers["ce_type"] == GAP
        validator = schema("gap" if is_gap else topics[topic])
        found = faults(validator, value) + faults(of_gap_headers if is_gap else of_headers, headers)
        if is_gap and "gap" not in document["channels"][topics[topic]]["messages"]:
            found.append("the topic does not say that it has gaps")
        if not key:
            found.append("no key")
        # A validator that takes anything would be no check.
        body = "raw" if "raw" in value else "rawBase64"
        for field in ("id", body, "receivedAt"):
            broken = copy.copy(value)
            del broken[field]
            if not faults(validator, broken):
                found.append(f"nothing is said of a missing {field}")
        wrong += [f"{snapshot.relative_to(ROOT)}: {fault}" for fault in found]
    # Everything but the quarantine has a record among the fixtures.
    wrong += [f"{topic}: no fixture" for topic in set(topics) - seen - {"cad.quarantine"}]
    schema("quarantine")
    if wrong or not snapshots:
        sys.exit("\n".join(wrong) or "there is no record to check")
    print(f"{len(snapshots)} records of {len(seen)} topics are as schemas/ says")


main()
