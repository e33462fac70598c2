"""Parse the conditions of ``--where`` into a tree.  Pure.

```
condition  := comparison | "(" condition ")" | condition ("and" | "or") condition      and binds closer than or
comparison := FIELD ("=" | "!=" | ">" | ">=" | "<" | "<=") VALUE
            | FIELD ["not"] ("in" "(" VALUE ("," VALUE)* ")" | "like" TEXT | "between" VALUE "and" VALUE)
            | FIELD "is" ["not"] "null"
```
A field is an API name, or a label (in backticks when it has blanks).  A value is a number, ``true``, ``false``, or a text in
quotes (a quote in it is doubled); times are ISO 8601.  ``%`` at the ends of a ``like`` text matches anything.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from bulkzoho.domain.model.metadata import CrmModule, FieldMetadata
from bulkzoho.domain.transform.field_names import FieldResolver
from bulkzoho.errors import RefusedError, UsageError

__all__ = ["BooleanFilter", "Comparison", "Condition", "Operator", "bind_filter", "parse_where"]

MAX_DEPTH: Final = 50  # nested brackets; the CRM takes far fewer
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*")|`(?P<label>[^`]+)`|(?P<sign>!=|>=|<=|=|>|<|\(|\)|,)"""
    r"""|(?P<number>[+-]?[0-9]+(?:\.[0-9]+)?(?![\w:.-]))|(?P<word>[\w$.:+-]+))""",
)


class Operator(StrEnum):
    """The operator of a comparison."""

    EQUAL = "="
    NOT_EQUAL = "!="
    GREATER = ">"
    GREATER_EQUAL = ">="
    LESS = "<"
    LESS_EQUAL = "<="
    IN = "in"
    NOT_IN = "not in"
    LIKE = "like"
    NOT_LIKE = "not like"
    BETWEEN = "between"
    NOT_BETWEEN = "not between"
    NULL = "is null"
    NOT_NULL = "is not null"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One comparison; *field* is None until it is bound to a module."""

    name: str
    operator: Operator
    values: tuple[str, ...]
    field: FieldMetadata | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BooleanFilter:
    """Two conditions of which both, or at least one, must hold."""

    both: bool
    left: Condition
    right: Condition


Condition = Comparison | BooleanFilter


def parse_where(text: str) -> Condition:
    """Parse a condition.

    Raises:
        UsageError: A syntax error; names the place.
    """
    return _Parser(text).parse()


def bind_filter(condition: Condition, crm_module: CrmModule) -> Condition:
    """Return *condition* with its names resolved to fields.

    Raises:
        RefusedError: A name is no field, or ambiguous.
    """
    known = FieldResolver(crm_module)

    def bind(part: Condition) -> Condition:
        if isinstance(part, BooleanFilter):
            return BooleanFilter(both=part.both, left=bind(part.left), right=bind(part.right))
        found = known.find(part.name)
        if len(found) != 1:
            near = known.nearest(part.name)
            hint = f"Did you mean {near}?" if near and not found else f"`bulkzoho fields {crm_module.api_name}` lists the fields."
            raise RefusedError(f"--where: {crm_module.api_name} has no field {part.name!r}.", hint=hint, code="INVALID_WHERE")
        return replace(part, field=found[0])

    return bind(condition)


class _Parser:
    """A recursive-descent parser with one token of lookahead."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._depth = 0  # of open brackets
        self._tokens: list[tuple[str, str]] = []
        position = 0
        while position < len(text.rstrip()):
            match = _TOKEN.match(text, position)
            if match is None or match.lastgroup is None:
                raise self._syntax_error(text[position:].strip())
            self._tokens.append((match.lastgroup, match[match.lastgroup]))
            position = match.end()

    def parse(self) -> Condition:
        """Parse the whole text."""
        condition = self._or()
        if self._at < len(self._tokens):
            raise self._syntax_error(self._peek()[1])
        return condition

    def _or(self) -> Condition:
        return self._chain("or", self._and)

    def _and(self) -> Condition:
        return self._chain("and", self._comparison)

    def _chain(self, word: str, part: Callable[[], Condition]) -> Condition:
        left = part()
        while self._accept(word):
            left = BooleanFilter(both=word == "and", left=left, right=part())
        return left

    def _comparison(self) -> Condition:
        if self._accept("("):
            return self._brackets()
        kind, name = self._next()
        if kind not in ("word", "label"):
            raise self._syntax_error(name)
        if self._accept("is"):
            operator = Operator.NOT_NULL if self._accept("not") else Operator.NULL
            self._expect("null")
            return Comparison(name=name, operator=operator, values=())
        negated = "not " if self._accept("not") else ""
        if self._accept("in"):
            return Comparison(name=name, operator=Operator(f"{negated}in"), values=self._list())
        if self._accept("like"):
            return Comparison(name=name, operator=Operator(f"{negated}like"), values=(self._value(),))
        if self._accept("between"):
            low = self._value()
            self._expect("and")
            return Comparison(name=name, operator=Operator(f"{negated}between"), values=(low, self._value()))
        kind, sign = self._next()
        if negated or kind != "sign" or sign in "(),":
            raise self._syntax_error(sign)
        return Comparison(name=name, operator=Operator(sign), values=(self._value(),))

    def _brackets(self) -> Condition:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise UsageError(f"--where has more than {MAX_DEPTH} nested brackets.", hint="Write it with fewer brackets.")
        condition = self._or()
        self._expect(")")
        self._depth -= 1
        return condition

    def _list(self) -> tuple[str, ...]:
        self._expect("(")
        values = [self._value()]
        while self._accept(","):
            values.append(self._value())
        self._expect(")")
        return tuple(values)

    def _value(self) -> str:
        kind, text = self._next()
        if kind == "text":
            return text[1:-1].replace(text[0] * 2, text[0])
        if kind == "number" or (kind == "word" and (text.casefold() in ("true", "false") or text[0].isdigit())):
            return text
        raise self._syntax_error(text)

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "")

    def _next(self) -> tuple[str, str]:
        token = self._peek()
        self._at += 1
        return token

    def _accept(self, wanted: str) -> bool:
        kind, text = self._peek()
        if kind in ("word", "sign") and text.casefold() == wanted:
            self._at += 1
            return True
        return False

    def _expect(self, wanted: str) -> None:
        if not self._accept(wanted):
            raise self._syntax_error(self._peek()[1])

    def _syntax_error(self, near: str) -> UsageError:
        where = f"near {near[:40]!r}" if near else "at its end"
        return UsageError(
            f"syntax error in --where {where}.",
            hint="Example: --where \"Lead_Status = 'Contacted' and Annual_Revenue >= 1000\".",
        )
