"""Find words of the old private dialect in what people read: documents, docstrings, comments, messages.

``python -m tests.plain_english [PATH ...]`` prints each place; ``tests/unit/test_plain_english.py`` keeps the list empty.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tokenize
from collections.abc import Iterable, Iterator
from io import BytesIO
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]

#: word or phrase of the dialect -> what to say instead
DIALECT = {
    r"mend(s|ed|ing)?": "fix",
    r"anew": "again",
    r"heed(s|ed)?": "obey, respect",
    r"lest": "so that ... not",
    r"thereof": "of it",
    r"(is|are|was|were|be|been) told( (of|by|as|to|what|which|that|in|from))?": "name who reports what",
    r"as told": "as configured",
    r"at work": "running",
    r"in vain": "without success",
    r"all the same": "still",
    r"for good": "permanently",
    r"(let|lets) in": "authorize",
    r"stands? for": "means",
    r"strangers?": "unknown record, unknown user",
    r"acquaint\w*": "load",
    r"doubtful": "in doubt",
    r"doubts": "rows in doubt",
    r"whoever": "the caller, the user",
    r"are no fields": "unknown columns",
    r"which must be filled": "required field ... is not mapped",
    r"lost calls?": "request without a response",
    r"(a|the|dead|each|every|no|its|more|whose|these|those|of|many|refused|accepted|other)"
    r" letters?(?! file| csv|,? (or )?digit)": "rejected row(s)",
    r"letters of": "rejected rows of",
    r"it is said": "the message says",
    r"found out": "detected",
    r"Give(s)? (the|what|a|an|each|every|all|it|them|no|one|up to|whole)": "Return ...",
    r"nobody|somebody": "name who",
    r"courier|strands?\b(?! folder|[\"'/])": "retrying caller; partition",
    r"made up to": "created before",
    r"none doubled": "no duplicates",
    r"the house": "the project",
}
_DIALECT = re.compile(r"\b(?:" + "|".join(f"(?P<w{i}>{word})" for i, word in enumerate(DIALECT)) + r")\b", re.IGNORECASE)
_ADVICE = list(DIALECT.values())
FOLDERS = ("bulkzoho", "docs", "tests", "benchmarks", "README.md", "CHANGELOG.md", "CONTRIBUTING.md")
_EXEMPT = (
    "docs/decisions/",
    "docs/glossary.md",
    "tests/plain_english.py",
    "tests/unit/test_plain_english.py",
    "bulkzoho/storage/store/schema.py",  # names of tables of older versions
    "tests/contract/journal_samples.py",  # likewise
)


def dialect_in(text: str) -> list[tuple[str, str]]:
    """Return (word, advice) for each dialect word of *text*."""
    found = []
    for match in _DIALECT.finditer(text):
        index = next(int(name[1:]) for name, value in match.groupdict().items() if value is not None and name.startswith("w"))
        found.append((match[0], _ADVICE[index]))
    return found


def _texts_of(file: Path) -> Iterator[tuple[int, str]]:
    """Yield (line number, text) of what a person reads: whole documents; comments and strings of sources."""
    if file.suffix == ".md":
        yield from enumerate(file.read_text(encoding="utf-8").splitlines(), start=1)
    elif file.suffix == ".py":
        for token in tokenize.tokenize(BytesIO(file.read_bytes()).readline):
            if token.type in (tokenize.COMMENT, tokenize.STRING):
                for offset, line in enumerate(token.string.splitlines()):
                    yield token.start[0] + offset, line
            elif token.type == tokenize.NAME and token.string.startswith("test_"):
                name = token.string.replace("_", " ")  # "a block gives the same rows" is a good name for a test
                yield token.start[0], re.sub(r"\bgives?\b", "returns", name)


def findings(paths: Iterable[Path]) -> list[str]:
    """Return one line for each dialect word in *paths*: file, line, word, what to say instead."""
    lines = []
    for path in paths:
        name = str(path.relative_to(TOP))
        if not name.startswith(_EXEMPT):
            lines += [
                f"{name}:{number}: {word!r}: {advice}" for number, text in _texts_of(path) for word, advice in dialect_in(text)
            ]
    return lines


def tracked(*prefixes: str) -> list[Path]:
    """Return the tracked Markdown and Python files below *prefixes* (relative to the top folder)."""
    listed = subprocess.run(["git", "ls-files", "-z", "--", *prefixes], cwd=TOP, capture_output=True, check=True, text=True)
    names = [name for name in listed.stdout.split("\0") if name.endswith((".py", ".md"))]
    return [TOP / name for name in names if (TOP / name).is_file()]


if __name__ == "__main__":
    shown = findings(tracked(*(sys.argv[1:] or FOLDERS)))
    print(*shown, sep="\n")
    print(len(shown))
    sys.exit(bool(shown))
