"""Every response of a test run is checked against the spec as a whole, even if its parts were checked before."""

import os
import subprocess
import sys

from forked import Popen

from mockserver.spec import operation

os.environ["MOCKSERVER_CHECK_EVERYTHING"] = "1"  # for servers in processes of their own
operation.CHECK_EVERYTHING = True

# Hundreds of processes would each compile everything anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

if sys.platform == "linux":
    subprocess.Popen = Popen  # type: ignore[misc]
