"""What the chart makes of one replica and of three: what must hold so that each keeps its own spool, no secret is
in what is made, and a restart or a drained node takes one of them at a time.

tests/deploy/check runs it, and says by CADRELAY_HELM where helm is.
"""

import os
import subprocess
import unittest
from pathlib import Path

import yaml

CHART = Path(__file__).resolve().parents[2] / "deploy/helm/cadrelay"
COUNTS = (1, 3)


def rendered(*values):
    """What the chart makes, by kind."""
    command = [os.environ["CADRELAY_HELM"], "template", "test", CHART, "--kube-version", "1.31.0"]
    text = subprocess.run([*command, *(f"--set={value}" for value in values)], check=True, capture_output=True, text=True)
    made = [one for one in yaml.safe_load_all(text.stdout) if one]
    return {(one["kind"], one["metadata"]["name"]): one for one in made}


def each(*values):
    """The count, the StatefulSet, and everything that is made, for each count of replicas."""
    for count in COUNTS:
        made = rendered(f"replicas={count}", *values)
        yield count, made["StatefulSet", "test-cadrelay"]["spec"], made


class Replicas(unittest.TestCase):
    def test_each_replica_has_a_claim_of_its_own_that_outlives_it(self):
        for count, spec, _ in each():
            self.assertEqual(spec["replicas"], count)
            (claim,) = spec["volumeClaimTemplates"]
            self.assertEqual(claim["metadata"]["name"], "spool")
            # One pod at a time may mount it, so no two relays share a spool and with it an instance.
            self.assertEqual(claim["spec"]["accessModes"], ["ReadWriteOnce"])
            self.assertEqual(set(spec["persistentVolumeClaimRetentionPolicy"].values()), {"Retain"})
            (relay,) = spec["template"]["spec"]["containers"]
            self.assertIn({"name": "spool", "mountPath": "/var/lib/cadrelay"}, relay["volumeMounts"])

    def test_no_replica_waits_for_another_and_each_has_a_name_of_its_own(self):
        for _, spec, made in each():
            self.assertEqual(spec["podManagementPolicy"], "Parallel")
            service = made["Service", spec["serviceName"]]["spec"]
            self.assertEqual(service["clusterIP"], "None")
            self.assertTrue(service["publishNotReadyAddresses"])
            self.assertEqual(service["selector"], spec["selector"]["matchLabels"])

    def test_a_drained_node_or_a_restart_takes_one_at_a_time(self):
        for _, spec, made in each():
            budget = made["PodDisruptionBudget", "test-cadrelay"]["spec"]
            self.assertEqual(budget["maxUnavailable"], 1)
            self.assertEqual(budget["selector"], spec["selector"])
            self.assertNotIn("updateStrategy", spec, "Kubernetes rolls one pod at a time by itself")

    def test_replicas_are_spread_over_zones_and_nodes(self):
        for _, spec, _ in each():
            spread = spec["template"]["spec"]["topologySpreadConstraints"]
            keys = [one["topologyKey"] for one in spread]
            self.assertEqual(keys, ["topology.kubernetes.io/zone", "kubernetes.io/hostname"])
            for one in spread:
                self.assertEqual(one["labelSelector"], spec["selector"])
                # A cluster with one node must be able to run them all the same.
                self.assertEqual(one["whenUnsatisfiable"], "ScheduleAnyway")

    def test_a_pod_that_stops_answers_until_no_balancer_sends_it_any_and_has_the_time_to_drain(self):
        for _, spec, _ in each("stopDelaySeconds=12", "terminationGracePeriodSeconds=40"):
            pod = spec["template"]["spec"]
            (relay,) = pod["containers"]
            environment = {one["name"]: one.get("value") for one in relay["env"]}
            self.assertEqual(environment["CADRELAY__HTTP__STOP_DELAY"], "12s")
            self.assertGreaterEqual(pod["terminationGracePeriodSeconds"], 12 + 10)

    def test_replicas_share_a_redis_by_a_url_that_only_a_secret_knows(self):
        for _, spec, _ in each("redis.secret=shared", "redis.key=url"):
            (relay,) = spec["template"]["spec"]["containers"]
            (shared,) = (one for one in relay["env"] if one["name"] == "CADRELAY__DEDUP__SHARED")
            self.assertEqual(shared["valueFrom"]["secretKeyRef"], {"name": "shared", "key": "url"})
        for _, spec, _ in each():
            (relay,) = spec["template"]["spec"]["containers"]
            self.assertNotIn("CADRELAY__DEDUP__SHARED", [one["name"] for one in relay["env"]])

    def test_secrets_are_references_to_what_exists_and_the_chart_makes_none(self):
        for _, spec, made in each("adminToken.secret=cadrelay", "redis.secret=shared", "secretFiles=files"):
            self.assertNotIn("Secret", {kind for kind, _ in made})
            pod = spec["template"]["spec"]
            (relay,) = pod["containers"]
            for one in relay["env"]:
                if one["name"] != "CADRELAY__HTTP__STOP_DELAY":
                    self.assertIn("secretKeyRef", one["valueFrom"], one["name"])
            self.assertIn("files", [one.get("secret", {}).get("secretName") for one in pod["volumes"]])


if __name__ == "__main__":
    unittest.main()
