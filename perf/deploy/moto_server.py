"""`python -m perf.deploy.moto_server PORT [OPTION ...]`: moto's server without a line for every request."""

from __future__ import annotations

import logging
import sys

from moto.server import main

from perf.deploy.processes import LOOPBACK

logging.getLogger("werkzeug").setLevel(logging.ERROR)
main(["-H", LOOPBACK, "-p", sys.argv[1], *sys.argv[2:]])
