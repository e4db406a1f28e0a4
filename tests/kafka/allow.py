"""Adds one access control entry to a broker: allow.py BROKERS USER OPERATION RESOURCE NAME

OPERATION  as librdkafka names it: READ, WRITE, CREATE, DESCRIBE, ...
RESOURCE   TOPIC, GROUP, TRANSACTIONAL_ID, BROKER (the cluster; its NAME is kafka-cluster)
NAME       a name, or the beginning of names with a star behind it: cad.*
"""

import sys

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

brokers, user, operation, resource, name = sys.argv[1:]
entry = AclBinding(
    ResourceType[resource],
    name.removesuffix("*"),
    ResourcePatternType.PREFIXED if name.endswith("*") else ResourcePatternType.LITERAL,
    f"User:{user}",
    "*",
    AclOperation[operation],
    AclPermissionType.ALLOW,
)
admin = AdminClient({"bootstrap.servers": brokers})
for made in admin.create_acls([entry], request_timeout=30).values():
    made.result()
