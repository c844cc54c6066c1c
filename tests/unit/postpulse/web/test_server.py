"""What a server asks the system for."""

import subprocess
import sys

_PROGRAM = """
import resource
from postpulse.web.server import _allow_connections
resource.setrlimit(resource.RLIMIT_NOFILE, (200, 3000))
_allow_connections()
print(resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def test_a_server_takes_as_many_files_as_it_may_have() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True)
    assert done.stdout == "(3000, 3000)\n"
