"""The privileges of the processes in a container."""

import json

from tests.system.docker.engine import python

PROGRAM = """
import json, os
def status_of(pid):
    return dict(line.strip().split(':', 1) for line in open(f'/proc/{pid}/status'))

status = status_of(1)
program, *_ = open('/proc/1/task/1/children').read().split()
print(json.dumps({
    'first process': status['Name'].strip(),
    'users': sorted(set(status['Uid'].split())),
    'capabilities': max(int(status[name], 16) for name in ('CapPrm', 'CapEff', 'CapBnd')),
    'root is read-only': bool(os.statvfs('/').f_flag & os.ST_RDONLY),
    'writable': [path for path in ('/app', '/tmp', '/data') if os.access(path, os.W_OK)],
    'program gains none': status_of(program)['NoNewPrivs'].strip() == '1',
    'no new privileges': status['NoNewPrivs'].strip() == '1',
}))
"""


def assert_few_rights(container: str, no_new_privileges: bool) -> None:
    """Raise AssertionError unless a container has an init and only the rights that it needs.

    A stack cannot take the right to gain rights from a container, so the program does it itself.
    """
    found = json.loads(python(container, PROGRAM))
    assert found == {
        "first process": "docker-init",
        "users": ["10001"],
        "capabilities": 0,
        "root is read-only": True,
        "writable": ["/tmp", "/data"],
        "program gains none": True,
        "no new privileges": no_new_privileges,
    }, found
