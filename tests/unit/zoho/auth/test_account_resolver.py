"""Selection of the account."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulkzoho.domain.model.account import DEFAULT_ACCOUNT, AccountSelection, LoginMethod, Profile, Secrets
from bulkzoho.errors import AccessError, UsageError
from bulkzoho.zoho.auth.account_resolver import resolve_account
from bulkzoho.zoho.auth.profile_store import ProfileStore

ENVIRONMENT = {
    "BULKZOHO_CLIENT_ID": "1000.ENV",
    "BULKZOHO_CLIENT_SECRET": "secret-of-env",
    "BULKZOHO_REFRESH_TOKEN": "1000.refresh.env",
}


def profile(name: str) -> Profile:
    return Profile(name=name, client_id=f"1000.{name.upper()}", method=LoginMethod.SELF_CLIENT, dc="eu")


@pytest.fixture
def store(tmp_path: Path) -> ProfileStore:
    kept = ProfileStore(tmp_path)
    for name in ("prod", "test"):
        kept.save(profile(name), Secrets(client_secret=f"secret-of-{name}", refresh_token=f"1000.refresh.{name}"))
    return kept


def test_an_explicit_profile_ignores_credentials_and_hosts_of_the_environment(store: ProfileStore) -> None:
    hosts = {"BULKZOHO_DC": "jp", "BULKZOHO_API_URL": "http://127.0.0.1:1", "BULKZOHO_ACCOUNTS_URL": "http://127.0.0.1:1"}

    chosen = resolve_account(AccountSelection(profile="prod"), ENVIRONMENT | hosts | {"BULKZOHO_API_VERSION": "v7"}, store)

    assert (chosen.settings.client_id, chosen.settings.refresh_token) == ("1000.PROD", "1000.refresh.prod")
    assert (chosen.settings.api_url, chosen.settings.api_version) == ("https://www.zohoapis.eu", "v7")


def test_a_profile_from_the_environment_fills_in_missing_variables(store: ProfileStore) -> None:
    chosen = resolve_account(DEFAULT_ACCOUNT, {"BULKZOHO_PROFILE": "test", "BULKZOHO_REFRESH_TOKEN": "1000.other"}, store)

    assert (chosen.settings.client_id, chosen.settings.refresh_token) == ("1000.TEST", "1000.other")
    assert chosen.settings.accounts_url == "https://accounts.zoho.eu"


def test_an_environment_with_all_credentials_needs_no_profile(store: ProfileStore) -> None:
    chosen = resolve_account(DEFAULT_ACCOUNT, ENVIRONMENT, store)

    assert (chosen.profile, chosen.settings.accounts_url) == (None, "https://accounts.zoho.com")


@pytest.mark.parametrize("account", [AccountSelection(dc="au"), AccountSelection(profile="prod", dc="au")])
def test_an_option_overrides_environment_and_profile(store: ProfileStore, account: AccountSelection) -> None:
    assert resolve_account(account, ENVIRONMENT | {"BULKZOHO_DC": "jp"}, store).settings.api_url == "https://www.zohoapis.com.au"


def test_the_default_profile_or_the_only_one_is_used_without_a_selection(store: ProfileStore) -> None:
    store.save(profile("default"), Secrets(client_secret="x", refresh_token="y"))
    by_name = resolve_account(DEFAULT_ACCOUNT, {}, store)
    for name in ("default", "test"):
        store.remove(store.get(name))

    the_only_one = resolve_account(DEFAULT_ACCOUNT, {}, store)

    assert (by_name.settings.client_id, the_only_one.settings.client_id) == ("1000.DEFAULT", "1000.PROD")


def test_several_profiles_without_a_default_need_a_selection(store: ProfileStore) -> None:
    with pytest.raises(AccessError, match=r"prod, test.*--profile"):
        resolve_account(DEFAULT_ACCOUNT, {}, store)


def test_an_unknown_profile_is_an_access_error_that_lists_the_known_ones(store: ProfileStore) -> None:
    with pytest.raises(AccessError, match="Known profiles: prod, test"):
        resolve_account(AccountSelection(profile="live"), ENVIRONMENT, store)


def test_invalid_profile_names_and_unknown_data_centers_are_refused(store: ProfileStore) -> None:
    with pytest.raises(UsageError):
        resolve_account(AccountSelection(profile="../etc"), {}, store)
    with pytest.raises(AccessError, match="moon"):
        resolve_account(AccountSelection(profile="prod", dc="moon"), {}, store)


def test_without_profile_and_environment_the_hint_names_the_login(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="bulkzoho auth login"):
        resolve_account(DEFAULT_ACCOUNT, {}, ProfileStore(tmp_path / "nothing"))


def test_client_credentials_need_no_refresh_token(store: ProfileStore) -> None:
    server = Profile(
        name="server",
        client_id="1000.S",
        method=LoginMethod.CLIENT_CREDENTIALS,
        dc="us",
        soid="ZohoCRM.650",
        scopes=("ZohoCRM.modules.ALL",),
    )
    store.save(server, Secrets(client_secret="s"))

    chosen = resolve_account(AccountSelection(profile="server"), {}, store)

    assert chosen.client_credentials is not None
    assert (chosen.client_credentials.organization, chosen.settings.refresh_token) == ("ZohoCRM.650", "")


def test_a_resume_uses_the_account_of_its_run(store: ProfileStore) -> None:
    explicit = resolve_account(AccountSelection(profile="prod", dc="uk"), ENVIRONMENT, store).selection.to_json()
    by_variable = resolve_account(DEFAULT_ACCOUNT, {"BULKZOHO_PROFILE": "test"}, store).selection.to_json()

    after_explicit = resolve_account(DEFAULT_ACCOUNT.with_fallback(explicit), ENVIRONMENT, store)
    after_variable = resolve_account(DEFAULT_ACCOUNT.with_fallback(by_variable), {}, store)
    explicit_again = resolve_account(AccountSelection(profile="test").with_fallback(explicit), {}, store)

    assert (after_explicit.settings.client_id, after_explicit.settings.api_url) == ("1000.PROD", "https://www.zohoapis.uk")
    assert after_variable.settings.client_id == "1000.TEST"
    assert explicit_again.settings.client_id == "1000.TEST"


def test_no_repr_shows_a_secret(store: ProfileStore) -> None:
    chosen = resolve_account(AccountSelection(profile="prod"), {}, store)
    assert chosen.profile is not None

    shown = f"{chosen!r} {store.secrets(chosen.profile)!r} {store!r}"

    assert not any(secret in shown for secret in ("secret-of-prod", "refresh.prod", "1000.PROD"))
