"""``python -m bulkzoho`` is ``bulkzoho``."""

from __future__ import annotations

import sys

from bulkzoho.cli import main

if __name__ == "__main__":
    sys.exit(main())
