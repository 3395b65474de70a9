"""`python -m framework.testing.coverage`: see `table.main`."""

from __future__ import annotations

import sys

from framework.testing.coverage.table import main

sys.exit(main(sys.argv[1:]))
