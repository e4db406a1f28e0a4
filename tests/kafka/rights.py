"""Changes one right at a broker: rights.py allow|deny|undeny BROKERS USER OPERATION RESOURCE NAME

A denial goes before all that is allowed.

OPERATION  as librdkafka names it: READ, WRITE, CREATE, DESCRIBE, ...
RESOURCE   TOPIC, GROUP, TRANSACTIONAL_ID, BROKER (the cluster; its NAME is kafka-cluster)
NAME       a name, or the beginning of names with a star behind it: cad.*
"""

import sys

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

change, brokers, user, operation, resource, name = sys.argv[1:]
entry = (AclBindingFilter if change == "undeny" else AclBinding)(
    ResourceType[resource],
    name.removesuffix("*"),
    ResourcePatternType.PREFIXED if name.endswith("*") else ResourcePatternType.LITERAL,
    f"User:{user}",
    "*",
    AclOperation[operation],
    AclPermissionType.ALLOW if change == "allow" else AclPermissionType.DENY,
)
admin = AdminClient({"bootstrap.servers": brokers})
make = admin.delete_acls if change == "undeny" else admin.create_acls
for made in make([entry], request_timeout=30).values():
    made.result()
