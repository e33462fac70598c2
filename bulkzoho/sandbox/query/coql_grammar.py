"""Parse COQL (zoho-api, section 7).  Pure: names are not resolved here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from bulkzoho.sandbox.unverified_behaviors import CoqlQuotesBehavior
from bulkzoho.sandbox.wire.errors import ApiError

__all__ = ["Column", "Comparison", "Dialect", "Joined", "Query", "parse"]

_TEXT = {
    CoqlQuotesBehavior.BACKSLASH: r"""'(?:[^'\\]|\\.)*'""",
    CoqlQuotesBehavior.DOUBLED: r"""'(?:[^']|'')*'""",
    CoqlQuotesBehavior.BOTH: r"""'(?:[^'\\]|\\.|'')*'""",
}
_TOKENS = {
    quotes: re.compile(
        rf"""\s*(?:(?P<text>{text})|(?P<number>-?\d+(?:\.\d+)?)|(?P<sign>!=|>=|<=|=|>|<|\(|\)|,|\*)"""
        r"""|(?P<word>[A-Za-z_$][A-Za-z0-9_$.]*(?:\#[0-9]+)?))""",
        re.DOTALL,
    ).match
    for quotes, text in _TEXT.items()
}
_ESCAPED = {CoqlQuotesBehavior.BACKSLASH: r"\\(.)", CoqlQuotesBehavior.DOUBLED: r"'(')", CoqlQuotesBehavior.BOTH: r"\\(.)|''"}
_COMPARISONS = {"=", "!=", ">", ">=", "<", "<="}
_AGGREGATES = {"SUM", "MIN", "MAX", "AVG", "COUNT"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """Unverified variants of the language; see the switches of the same names."""

    quotes: CoqlQuotesBehavior
    default_limit: int
    star: bool
    any_case_aggregates: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One parsed condition with an unresolved field name."""

    path: str
    operator: str
    operand: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Two parsed conditions joined by ``and`` or ``or``."""

    both: bool
    left: Tree
    right: Tree


Tree = Comparison | Joined


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One selected column."""

    path: str
    aggregate: str = ""  #: SUM, MIN, MAX, AVG, COUNT, or empty
    alias: str = ""

    @property
    def key(self) -> str:
        """Key of the column in the response."""
        return self.alias or (f"{self.aggregate}({self.path})" if self.aggregate else self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One parsed SELECT."""

    columns: tuple[Column, ...]
    crm_module: str
    view: str  #: id of a custom view, or empty
    where: Tree | None
    group_by: tuple[str, ...]
    order_by: tuple[tuple[str, bool], ...]  #: (path, descending)
    limit: int
    offset: int


def parse(text: str, dialect: Dialect) -> Query:
    """Parse a query.

    Raises:
        ApiError: SYNTAX_ERROR, with line and column.
    """
    return _Parser(text, dialect).query()


class _Parser:
    """Recursive-descent parser with one token of lookahead."""

    def __init__(self, text: str, dialect: Dialect) -> None:
        self._text = text
        self._dialect = dialect
        self._tokens: list[tuple[str, str, int]] = []  # kind, text, position
        position, end = 0, len(text.rstrip())
        while position < end:
            found = _TOKENS[dialect.quotes](text, position)
            if found is None or found.lastgroup is None:
                raise self._error(position)
            self._tokens.append((found.lastgroup, found.group(found.lastgroup), found.start(found.lastgroup)))
            position = found.end()
        self._at = 0

    def query(self) -> Query:
        """Parse the whole text."""
        self._expect("select")
        columns = self._comma_list(self._column)
        self._expect("from")
        crm_module, _, view = self._word().partition("#")
        where = self._conditions() if self._accept("where") else None
        group_by: list[str] = []
        if self._accept("group"):
            self._expect("by")
            group_by = self._comma_list(self._word)
        order_by: list[tuple[str, bool]] = []
        if self._accept("order"):
            self._expect("by")
            order_by = self._comma_list(self._order)
        limit, offset = self._limit()
        if self._at < len(self._tokens):
            raise self._error()
        return Query(
            columns=tuple(columns),
            crm_module=crm_module,
            view=view,
            where=where,
            group_by=tuple(group_by),
            order_by=tuple(order_by),
            limit=limit,
            offset=offset,
        )

    def _column(self) -> Column:
        if self._dialect.star and self._accept("*"):
            return Column(path="*")
        name = self._word()
        aggregate = ""
        if self._accept("("):
            aggregate = name.upper() if self._dialect.any_case_aggregates else name
            if aggregate not in _AGGREGATES:
                raise self._error()
            name = self._word()
            self._expect(")")
        alias = self._word() if self._accept("as") else ""
        return Column(path=name, aggregate=aggregate, alias=alias)

    def _order(self) -> tuple[str, bool]:
        path = self._word()
        descending = self._accept("desc")
        if not descending:
            self._accept("asc")
        return path, descending

    def _limit(self) -> tuple[int, int]:
        limit, offset = self._dialect.default_limit, 0
        if self._accept("limit"):
            limit = self._integer()
            if self._accept(","):
                limit, offset = self._integer(), limit
        if self._accept("offset"):
            offset = self._integer()
        return limit, offset

    def _conditions(self) -> Tree:
        """Parse one condition, or two joined by a keyword; more need parentheses."""
        left = self._condition()
        for word in ("and", "or"):
            if self._accept(word):
                return Joined(both=word == "and", left=left, right=self._condition())
        return left

    def _condition(self) -> Tree:
        if self._accept("("):
            inner = self._conditions()
            self._expect(")")
            return inner
        path = self._word()
        if self._accept("is"):
            operator = "is not null" if self._accept("not") else "is null"
            self._expect("null")
            return Comparison(path=path, operator=operator, operand=None)
        negated = "not " if self._accept("not") else ""
        if self._accept("in"):
            self._expect("(")
            values = self._comma_list(self._value)
            self._expect(")")
            return Comparison(path=path, operator=f"{negated}in", operand=values)
        if self._accept("between"):
            low = self._value()
            self._expect("and")
            return Comparison(path=path, operator=f"{negated}between", operand=[low, self._value()])
        if self._accept("like"):
            return Comparison(path=path, operator=f"{negated}like", operand=self._value())
        kind, sign, _ = self._peek()
        if negated or kind != "sign" or sign not in _COMPARISONS:
            raise self._error()
        self._at += 1
        return Comparison(path=path, operator=sign, operand=self._value())

    def _value(self) -> Any:
        kind, text, _ = self._peek()
        if kind == "text":
            self._at += 1
            escaped = _ESCAPED[self._dialect.quotes]
            return re.sub(escaped, lambda found: found.group(1) or "'", text[1:-1], flags=re.DOTALL)
        if kind == "number" or (kind == "word" and text.lower() in ("true", "false")):
            self._at += 1
            return text
        raise self._error()

    def _comma_list(self, read: Any) -> list[Any]:
        found = [read()]
        while self._accept(","):
            found.append(read())
        return found

    def _word(self) -> str:
        kind, text, _ = self._peek()
        if kind != "word":
            raise self._error()
        self._at += 1
        return text

    def _integer(self) -> int:
        kind, text, _ = self._peek()
        if kind != "number" or not text.isdecimal():
            raise self._error()
        self._at += 1
        return int(text)

    def _accept(self, wanted: str) -> bool:
        kind, text, _ = self._peek()
        if kind in ("word", "sign") and text.lower() == wanted:
            self._at += 1
            return True
        return False

    def _expect(self, wanted: str) -> None:
        if not self._accept(wanted):
            raise self._error()

    def _peek(self) -> tuple[str, str, int]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "", len(self._text))

    def _error(self, position: int | None = None) -> ApiError:
        at = self._peek()[2] if position is None else position
        before = self._text[:at]
        return ApiError(
            400,
            "SYNTAX_ERROR",
            "error occured while parsing the query",
            line=before.count("\n") + 1,
            column=at - (before.rfind("\n") + 1) + 1,
            near=self._text[at : at + 20],
        )
