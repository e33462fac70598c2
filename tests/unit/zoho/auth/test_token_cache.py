"""Access token on disk."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from bulkzoho.zoho.auth.token_cache import StoredToken, TokenCache
from tests.unit.zoho.raw_server import settings_for

TOKEN = StoredToken(access_token="1000.abc", obtained_at=10.0, expires_at=3610.0, api_domain=None)
SETTINGS = settings_for("http://127.0.0.1:1")


def only_file(folder: Path) -> Path:
    (file,) = folder.glob("*.json")
    return file


async def test_a_written_token_is_readable_only_by_its_owner(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "tokens"
    cache = TokenCache(folder, SETTINGS)

    async with cache.locked():
        cache.write(TOKEN)

    assert TokenCache(folder, SETTINGS).read() == TOKEN
    assert stat.S_IMODE(only_file(folder).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(one.stat().st_mode) == 0o600 for one in folder.iterdir())


async def test_the_folder_holds_no_refresh_token_and_no_secret(tmp_path: Path) -> None:
    cache = TokenCache(tmp_path, SETTINGS)

    cache.write(TOKEN)

    held = "".join(one.name + one.read_text() for one in tmp_path.iterdir())
    assert not any(secret in held for secret in (SETTINGS.refresh_token, SETTINGS.client_secret, SETTINGS.client_id))


async def test_another_account_has_another_file(tmp_path: Path) -> None:
    TokenCache(tmp_path, SETTINGS).write(TOKEN)

    assert TokenCache(tmp_path, settings_for("http://127.0.0.1:1", refresh_token="1000.other")).read() is None


@pytest.mark.parametrize(
    "damage", [b"", b"{", b"[]", b'{"v":2}', b'{"v":1,"access_token":"a\\nb","obtained_at":1,"expires_at":2}']
)
async def test_a_damaged_file_is_ignored(tmp_path: Path, damage: bytes) -> None:
    cache = TokenCache(tmp_path, SETTINGS)
    cache.write(TOKEN)

    only_file(tmp_path).write_bytes(damage)

    assert cache.read() is None


async def test_without_a_writable_folder_there_is_no_cache_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    cache = TokenCache(tmp_path / "file" / "tokens", SETTINGS)

    async with cache.locked():
        cache.write(TOKEN)

    assert cache.read() is None


@pytest.mark.parametrize("suffix", [".json", ".lock"])
async def test_a_log_names_a_file_without_its_folder(tmp_path: Path, caplog: pytest.LogCaptureFixture, suffix: str) -> None:
    cache = TokenCache(tmp_path, SETTINGS)
    async with cache.locked():
        cache.write(TOKEN)
    name = only_file(tmp_path).with_suffix(suffix).name
    (tmp_path / name).unlink()
    (tmp_path / name).mkdir()

    async with cache.locked():
        cache.write(TOKEN)

    (record,) = caplog.records
    assert record.__dict__["path"] == name
