"""Profile file and keyring."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from bulkzoho.domain.model.account import LoginMethod, Profile, Secrets, SecretStorage
from bulkzoho.errors import AccessError, JournalError, RefusedError
from bulkzoho.zoho.auth.keyring_store import keyring_works
from bulkzoho.zoho.auth.profile_store import ProfileStore

PROD = Profile(name="prod", client_id="1000.C", method=LoginMethod.SELF_CLIENT, dc="eu", scopes=("ZohoCRM.org.READ",), org="650")
SECRETS = Secrets(client_secret="very-secret", refresh_token="1000.refresh.me")


class Ring(ModuleType):
    """Fake of the ``keyring`` package."""

    def __init__(self, *, priority: float = 5.0, locked: bool = False) -> None:
        super().__init__("keyring")
        self.priority = priority
        self.locked = locked
        self.kept: dict[tuple[str, str], str] = {}

    def get_keyring(self) -> Ring:
        return self

    def get_password(self, service: str, username: str) -> str | None:
        self._open()
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self._open()
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        self._open()
        del self.kept[service, username]

    def _open(self) -> None:
        if self.locked:
            raise RuntimeError("very-secret is locked")


@pytest.fixture
def ring(monkeypatch: pytest.MonkeyPatch) -> Ring:
    made = Ring()
    monkeypatch.setitem(sys.modules, "keyring", made)
    return made


def test_a_saved_profile_is_loaded_unchanged(tmp_path: Path) -> None:
    store = ProfileStore(tmp_path / "home")

    store.save(PROD, SECRETS)

    assert store.all() == [PROD]
    assert store.secrets(store.get("prod")) == SECRETS


def test_folder_and_file_are_private_with_any_umask(tmp_path: Path) -> None:
    store, mask = ProfileStore(tmp_path / "home"), os.umask(0)
    try:
        store.save(PROD, SECRETS)
    finally:
        os.umask(mask)

    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "home", *(tmp_path / "home").iterdir())}
    assert modes == {"home": 0o700, "profiles.json": 0o600, "profiles.lock": 0o600}


def test_saving_and_removing_do_not_change_other_profiles(tmp_path: Path) -> None:
    store = ProfileStore(tmp_path)
    for name in ("a", "b", "c"):
        store.save(Profile(name=name, client_id=name, method=LoginMethod.BROWSER, dc="us"), SECRETS)

    store.remove(store.get("b"))

    assert [one.name for one in store.all()] == ["a", "c"]
    with pytest.raises(AccessError, match="a, c"):
        store.get("b")


@pytest.mark.parametrize("content", ["{", "[]", '{"v": 2, "profiles": {}}', '{"v": 1, "profiles": {"a": {"dc": "us"}}}'])
def test_an_unknown_file_format_is_refused_and_not_overwritten(tmp_path: Path, content: str) -> None:
    (tmp_path / "profiles.json").write_text(content)

    with pytest.raises(RefusedError, match=r"profiles\.json"):
        ProfileStore(tmp_path).all()
    assert (tmp_path / "profiles.json").read_text() == content


def test_a_state_directory_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.write_text("")

    assert ProfileStore(home).all() == []
    with pytest.raises(JournalError, match="home"):
        ProfileStore(home).save(PROD, SECRETS)


def test_a_keyring_keeps_the_secrets_out_of_the_file(tmp_path: Path, ring: Ring) -> None:
    store = ProfileStore(tmp_path)

    kept = store.save(Profile.from_json("prod", PROD.to_json() | {"kept_in": "keyring"}), SECRETS)

    assert keyring_works()
    assert (kept.kept_in, store.secrets(store.get("prod"))) == (SecretStorage.KEYRING, SECRETS)
    assert "secret" not in json.dumps(json.loads(store.path.read_text()))
    store.remove(kept)
    assert ring.kept == {}


def test_if_the_keyring_refuses_the_secrets_they_stay_in_the_file(tmp_path: Path, ring: Ring) -> None:
    ring.locked = True

    kept = ProfileStore(tmp_path).save(Profile.from_json("prod", PROD.to_json() | {"kept_in": "keyring"}), SECRETS)

    assert kept.kept_in is SecretStorage.FILE
    assert ProfileStore(tmp_path).secrets(kept) == SECRETS


def test_the_error_of_a_locked_keyring_does_not_repeat_its_text(tmp_path: Path, ring: Ring) -> None:
    store = ProfileStore(tmp_path)
    kept = store.save(Profile.from_json("prod", PROD.to_json() | {"kept_in": "keyring"}), SECRETS)
    ring.locked = True

    with pytest.raises(AccessError, match="--store file") as caught:
        store.secrets(kept)

    assert "very-secret" not in str(caught.value)


def test_a_keyring_without_a_backend_does_not_work(ring: Ring) -> None:
    ring.priority = 0

    assert not keyring_works()


def test_without_the_package_there_is_no_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)

    assert not keyring_works()
