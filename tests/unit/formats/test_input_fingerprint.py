"""A changed input is recognized."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from bulkzoho.domain.model.settings import InputSettings
from bulkzoho.errors import RefusedError
from bulkzoho.formats.detect import open_source
from bulkzoho.formats.input_fingerprint import content_digest, verify_prefix

TEXT = b"A,B\n" + b"".join(b"%d,text\n" % n for n in range(50_000))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "leads.csv"
    path.write_bytes(TEXT)
    return path


def test_a_file_that_only_grew_still_matches(path: Path) -> None:
    source = open_source(str(path), InputSettings())
    source.read()
    seen = source.fingerprint()
    source.close()
    path.write_bytes(TEXT + b"more\n")

    assert 0 < seen.read_bytes < len(TEXT)
    assert verify_prefix(str(path), seen.read_bytes, seen.digest)


@pytest.mark.parametrize("content", [b"a" + TEXT[1:], TEXT[:1000], b""])
def test_a_change_in_the_read_part_is_detected(path: Path, content: bytes) -> None:
    source = open_source(str(path), InputSettings())
    source.read()
    seen = source.fingerprint()
    source.close()
    path.write_bytes(content)

    assert not verify_prefix(str(path), seen.read_bytes, seen.digest)


def test_size_and_time_are_those_of_the_opening(path: Path) -> None:
    facts = path.stat()
    source = open_source(str(path), InputSettings())
    path.write_bytes(b"A\n")

    seen = source.fingerprint()

    assert (seen.size, seen.mtime_ns) == (facts.st_size, facts.st_mtime_ns)
    source.close()


def test_the_content_digest_ignores_compression_and_name(path: Path, tmp_path: Path) -> None:
    packed, copy, other = tmp_path / "x.gz", tmp_path / "y.csv", tmp_path / "z.csv"
    packed.write_bytes(gzip.compress(TEXT))
    copy.write_bytes(TEXT)
    other.write_bytes(TEXT + b"1,2\n")

    digest = content_digest(str(path))

    assert content_digest(str(packed)) == content_digest(str(copy)) == digest
    assert content_digest(str(other)) != digest


def test_a_damaged_file_has_a_digest_too(tmp_path: Path) -> None:
    packed = tmp_path / "x.gz"
    packed.write_bytes(gzip.compress(TEXT)[:-10])

    assert content_digest(str(packed))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="no such file"):
        content_digest(str(tmp_path / "gone.csv"))
    with pytest.raises(RefusedError, match="no such file"):
        verify_prefix(str(tmp_path / "gone.csv"), 5, "00")
