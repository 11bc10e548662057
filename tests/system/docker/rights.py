"""The privileges of the processes in a container."""

import json

from tests.system.docker.engine import python

PROGRAM = """
import json, os
status = dict(line.strip().split(':', 1) for line in open('/proc/1/status'))
print(json.dumps({
    'first process': status['Name'].strip(),
    'users': sorted(set(status['Uid'].split())),
    'capabilities': max(int(status[name], 16) for name in ('CapPrm', 'CapEff', 'CapBnd')),
    'root is read-only': bool(os.statvfs('/').f_flag & os.ST_RDONLY),
    'writable': [path for path in ('/app', '/tmp', '/data') if os.access(path, os.W_OK)],
    'no new privileges': status['NoNewPrivs'].strip() == '1',
}))
"""


def assert_few_rights(container: str, no_new_privileges: bool) -> None:
    """Raise AssertionError unless a container has an init and only the rights that it needs."""
    found = json.loads(python(container, PROGRAM))
    assert found == {
        "first process": "docker-init",
        "users": ["10001"],
        "capabilities": 0,
        "root is read-only": True,
        "writable": ["/tmp", "/data"],
        "no new privileges": no_new_privileges,
    }, found
