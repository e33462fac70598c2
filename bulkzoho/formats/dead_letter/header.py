"""What a file of dead letters is about, told from all of its letters before the first one is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.settings import InputSettings
from bulkzoho.errors import RefusedError
from bulkzoho.formats.dead_letter.parser import ParsedDeadLetter
from bulkzoho.formats.dead_letter.reader import read_letters

__all__ = ["DeadLetterFileInfo", "read_letter_facts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterFileInfo:
    """What a replay inherits.  Letters as CSV carry only their runs: the rest stands in those runs' journals."""

    run: str  #: of the first letter; "" when there is none
    runs: tuple[str, ...]  #: all of them, in first-seen order
    letters: int
    is_csv: bool
    crm_module: str = ""
    operation: Operation | None = None
    match_on: tuple[str, ...] = ()
    trigger: str = ""
    org: str = ""


@dataclass(slots=True)
class LetterFileSummary:
    count: int = 0
    runs: dict[str, None] = field(default_factory=dict)
    crm_module: dict[str, None] = field(default_factory=dict)
    operation: dict[str, None] = field(default_factory=dict)
    match_on: dict[str, None] = field(default_factory=dict)
    trigger: dict[str, None] = field(default_factory=dict)
    org: dict[str, None] = field(default_factory=dict)

    def add(self, letters: Iterable[ParsedDeadLetter]) -> None:
        for letter in letters:
            self.count += 1
            self.runs[letter.origin.run] = None
            self.crm_module[letter.crm_module] = None
            self.operation[letter.operation] = None
            self.match_on[",".join(letter.match_on)] = None
            self.trigger[letter.trigger] = None
            if letter.org:  # a row refused before the first call does not know it
                self.org[letter.org] = None


def read_letter_facts(path: str, settings: InputSettings | None = None) -> DeadLetterFileInfo:
    """Read every letter of *path* once.

    Raises:
        RefusedError: There is no such file, something in it is no dead letter, or letters differ in what they ask for.
        RunFailedError: The file is damaged.
    """
    gathered = LetterFileSummary()
    is_csv = False
    for is_csv, letters in read_letters(path, settings or InputSettings()):  # noqa: B007  the same for all of them
        gathered.add(letters)
    runs = tuple(gathered.runs)
    return DeadLetterFileInfo(
        run=runs[0] if runs else "",
        runs=runs,
        letters=gathered.count,
        is_csv=is_csv,
        crm_module=_only([*gathered.crm_module], "modules", path),
        operation=_operation(_only([*gathered.operation], "operations", path), path),
        match_on=tuple(filter(None, _only([*gathered.match_on], "--match-on fields", path).split(","))),
        trigger=_only([*gathered.trigger], "automations to run", path),
        org=_only([*gathered.org], "organizations", path),
    )


def _only(values: Sequence[str], what: str, path: str) -> str:
    if len(values) > 1:
        raise RefusedError(
            f"{path}: its letters have different {what}: {', '.join(value or 'none' for value in values)}.",
            hint="Split the file and replay the parts.",
            code="MIXED_LETTERS",
        )
    return values[0] if values else ""


def _operation(word: str, path: str) -> Operation | None:
    if not word:
        return None
    try:
        return Operation(word)
    except ValueError:
        raise RefusedError(
            f"{path}: there is no operation {word!r}.",
            hint=f"It is one of {', '.join(Operation)}.",
            code="NO_LETTER",
        ) from None
