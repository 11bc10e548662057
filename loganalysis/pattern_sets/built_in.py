"""All built-in pattern sets, by their names."""

from collections.abc import Mapping

from loganalysis.pattern_sets.java_exceptions import JAVA_EXCEPTIONS
from loganalysis.pattern_sets.kernel import KERNEL
from loganalysis.pattern_sets.nginx import NGINX
from loganalysis.pattern_sets.pattern import BuiltInSet
from loganalysis.pattern_sets.postgres import POSTGRES
from loganalysis.pattern_sets.python_tracebacks import PYTHON_TRACEBACKS
from loganalysis.pattern_sets.sshd import SSHD

BUILT_IN: Mapping[str, BuiltInSet] = {
    each.name: each for each in (JAVA_EXCEPTIONS, KERNEL, NGINX, POSTGRES, PYTHON_TRACEBACKS, SSHD)
}
