"""Connection settings from the environment."""

from __future__ import annotations

import pytest

from bulkzoho.errors import AccessError
from bulkzoho.zoho.auth.datacenters import (
    DATA_CENTERS,
    connection_settings_from_env,
    follows_api_domain,
    is_token_allowed,
    version_warning,
)

CREDENTIALS = {
    "BULKZOHO_CLIENT_ID": "1000.CLIENT",
    "BULKZOHO_CLIENT_SECRET": "very-secret",
    "BULKZOHO_REFRESH_TOKEN": "1000.refresh.me",
}


def test_the_default_data_center_is_us() -> None:
    settings = connection_settings_from_env(CREDENTIALS)

    assert settings.accounts_url == "https://accounts.zoho.com"
    assert settings.api_url == "https://www.zohoapis.com"
    assert settings.upload_url == "https://content.zohoapis.com"
    assert settings.api_version == "v8"


def test_each_data_center_has_its_own_hosts() -> None:
    assert list(DATA_CENTERS) == ["us", "eu", "in", "au", "jp", "cn", "ca", "sa", "uk"]
    assert DATA_CENTERS["ca"].accounts == "accounts.zohocloud.ca"
    assert DATA_CENTERS["ca"].upload == "upload.zohocloud.ca"
    assert DATA_CENTERS["sa"].upload == "files.zoho.sa"
    assert DATA_CENTERS["au"].api == "www.zohoapis.com.au"
    every_host = [host for one in DATA_CENTERS.values() for host in (one.accounts, one.upload, one.download, *one.api_hosts)]
    assert len(set(every_host)) == len(every_host)


def test_all_missing_credentials_are_listed_together() -> None:
    with pytest.raises(AccessError) as caught:
        connection_settings_from_env({"BULKZOHO_CLIENT_ID": "1000.CLIENT", "BULKZOHO_REFRESH_TOKEN": " "})

    assert "BULKZOHO_CLIENT_SECRET, BULKZOHO_REFRESH_TOKEN are not set" in caught.value.message
    assert "self client" in caught.value.hint


def test_an_unknown_data_center_is_an_error_that_lists_the_known_ones() -> None:
    with pytest.raises(AccessError, match="us, eu, in, au, jp, cn, ca, sa, uk"):
        connection_settings_from_env(CREDENTIALS | {"BULKZOHO_DC": "mars"})


def test_an_unknown_api_version_is_an_error() -> None:
    with pytest.raises(AccessError, match="v8"):
        connection_settings_from_env(CREDENTIALS | {"BULKZOHO_API_VERSION": "v9"})


def test_only_untested_api_versions_get_a_warning() -> None:
    assert version_warning("v8") is None
    assert "v2" in (version_warning("v2") or "")


@pytest.mark.parametrize("name", ["BULKZOHO_ACCOUNTS_URL", "BULKZOHO_API_URL", "BULKZOHO_UPLOAD_URL"])
def test_plain_http_is_refused_except_on_loopback(name: str) -> None:
    with pytest.raises(AccessError, match="plain http"):
        connection_settings_from_env(CREDENTIALS | {name: "http://crm.example.com"})


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:1", "[::1]:8080", "127.9.9.9"])
def test_plain_http_is_accepted_on_loopback(host: str) -> None:
    settings = connection_settings_from_env(CREDENTIALS | {"BULKZOHO_API_URL": f"http://{host}/"})

    assert settings.api_url == f"http://{host}"
    assert is_token_allowed(settings.api_url + "/crm/v8/org", settings)


@pytest.mark.parametrize(
    "url", ["api.example.com", "ftp://api.example.com", "https://u:p@api.example.com", "https://", "https://h:x"]
)
def test_an_invalid_url_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(AccessError, match="BULKZOHO_API_URL is not the URL") as caught:
        connection_settings_from_env(CREDENTIALS | {"BULKZOHO_API_URL": url})

    assert "u:p" not in str(caught.value)


def test_a_token_is_sent_only_to_the_connections_own_hosts() -> None:
    settings = connection_settings_from_env(CREDENTIALS | {"BULKZOHO_DC": "eu"})

    assert is_token_allowed("https://www.zohoapis.eu/crm/v8/org", settings)
    assert is_token_allowed("https://download-accl.zoho.eu/v2/crm/1/x.zip", settings)
    assert not is_token_allowed("http://www.zohoapis.eu/crm/v8/org", settings)
    assert not is_token_allowed("https://www.zohoapis.com/crm/v8/org", settings)
    assert not is_token_allowed("https://www.zohoapis.eu.example.com/", settings)
    assert not is_token_allowed("https://www.zohoapis.eu@example.com/", settings)


def test_a_configured_api_url_is_the_only_api_host() -> None:
    settings = connection_settings_from_env(CREDENTIALS | {"BULKZOHO_API_URL": "https://sandbox.zohoapis.com"})

    assert not follows_api_domain(settings)
    assert not is_token_allowed("https://www.zohoapis.com/", settings)
    assert follows_api_domain(connection_settings_from_env(CREDENTIALS))


def test_secrets_are_not_in_the_settings_repr() -> None:
    shown = repr(connection_settings_from_env(CREDENTIALS))

    assert not any(secret in shown for secret in CREDENTIALS.values())
