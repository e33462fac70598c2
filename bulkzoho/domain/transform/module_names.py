"""Find what a user means by a name, and the nearest names when nothing fits.  Pure."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from bulkzoho.domain.model.metadata import ModuleInfo
from bulkzoho.errors import RefusedError

__all__ = ["resolve_module"]


def resolve_module(name: str, modules: Sequence[ModuleInfo]) -> ModuleInfo:
    """Give the module that *name* means: its API name, or its label in singular or plural, without case.

    Raises:
        RefusedError: No module fits (the nearest are named), several do, or the API does not serve it.
    """
    wanted = name.strip().casefold()
    found = [one for one in modules if one.api_name == name.strip()] or [one for one in modules if wanted in _names_of(one)]
    if not found:
        names = {text: one.api_name for one in modules if one.api_supported for text in _names_of(one)}
        near = list(dict.fromkeys(names[text] for text in difflib.get_close_matches(wanted, names, n=5, cutoff=0.6)))[:3]
        hint = f"Did you mean {' or '.join(near)}?" if near else "Give its API name; `bulkzoho modules` lists them."
        raise RefusedError(f"the CRM has no module {name!r}.", hint=hint, code="INVALID_MODULE")
    if len(found) > 1:
        several = ", ".join(one.api_name for one in found)
        raise RefusedError(f"{name!r} may mean several modules: {several}.", hint="Give the API name.", code="INVALID_MODULE")
    if not found[0].api_supported:
        raise RefusedError(f"the API does not serve the module {name!r}.", hint="Choose another module.", code="INVALID_MODULE")
    return found[0]


def _names_of(module: ModuleInfo) -> set[str]:
    return {module.api_name.casefold(), module.singular_label.casefold(), module.plural_label.casefold()}
