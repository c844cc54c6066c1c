"""A worker as `postpulse worker` runs it; with WITHOUT=counters, one that counts nothing."""

import os

import uvloop

from postpulse.settings import load_settings
from stream_processors.app import run_worker
from stream_processors.sink import counters

if os.environ.get("WITHOUT") == "counters":
    counters._COUNTED.clear()

uvloop.run(run_worker(load_settings()))
