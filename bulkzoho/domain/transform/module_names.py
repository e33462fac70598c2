"""Resolve the name of a module, and find the nearest names if there is no such module.  Pure."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from bulkzoho.domain.model.metadata import ModuleInfo
from bulkzoho.errors import RefusedError

__all__ = ["resolve_module"]


def resolve_module(name: str, modules: Sequence[ModuleInfo]) -> ModuleInfo:
    """Return the module with this API name, or with this label in singular or plural, regardless of case.

    Raises:
        RefusedError: No module has the name (the message names the nearest), several have it, or the API does not serve it.
    """
    exact = [module for module in modules if module.api_name == name.strip()]
    wanted = name.strip().casefold()
    found = exact or [module for module in modules if wanted in _names_of(module)]
    if not found:
        names = {text: module.api_name for module in modules if module.api_supported for text in _names_of(module)}
        near = list(dict.fromkeys(names[text] for text in difflib.get_close_matches(wanted, names, n=5, cutoff=0.6)))[:3]
        hint = f"Did you mean {' or '.join(near)}?" if near else "Use its API name; `bulkzoho modules` lists them."
        raise RefusedError(f"the CRM has no module {name!r}.", hint=hint, code="INVALID_MODULE")
    if len(found) > 1:
        several = ", ".join(module.api_name for module in found)
        raise RefusedError(f"several modules are called {name!r}: {several}.", hint="Use the API name.", code="INVALID_MODULE")
    if not found[0].api_supported:
        raise RefusedError(f"the API does not serve the module {name!r}.", hint="Choose another module.", code="INVALID_MODULE")
    return found[0]


def _names_of(module: ModuleInfo) -> set[str]:
    return {module.api_name.casefold(), module.singular_label.casefold(), module.plural_label.casefold()}
