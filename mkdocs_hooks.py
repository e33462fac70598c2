"""Hook of the documentation site: show the roles of Sphinx in docstrings, such as :class:`X`, as plain code."""

from __future__ import annotations

import re
from typing import Any

_ROLE = re.compile(r":(?:attr|class|data|exc|func|meth|mod):<code>(?:~?(?:\w+\.)*)?(\w+)</code>")


def on_page_content(html: str, **_: Any) -> str:
    """Replace each role by the last part of its name."""
    return _ROLE.sub(r"<code>\1</code>", html)
