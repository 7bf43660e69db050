"""Every response of a test run is held against the document as a whole, also where its parts were checked before."""

import os

from mockserver.spec import operation

os.environ["MOCKSERVER_CHECK_EVERYTHING"] = "1"  # for servers in processes of their own
operation.CHECK_EVERYTHING = True
