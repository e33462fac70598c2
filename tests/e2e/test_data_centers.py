"""Accounts in another data center: detected by a login, named by other commands, and no secret sent to foreign hosts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from .fake_data_centers import World
from .harness import Program, SandboxMaker, SandboxProcess

EU = ("accounts.zoho.eu", "www.zohoapis.eu", "content.zohoapis.eu")
Begin = Callable[..., World]


@pytest.fixture
def europe(new_sandbox: SandboxMaker) -> SandboxProcess:
    """Return the data center of the account."""
    box = new_sandbox("--seed", "1")
    box.change(api_domain="https://www.zohoapis.eu")
    return box


@pytest.fixture
def begin(new_sandbox: SandboxMaker, europe: SandboxProcess) -> Iterator[Begin]:
    """Return a function that sets up the hosts: the EU sandbox at its own (and given) hosts, another sandbox at all others."""
    elsewhere = new_sandbox("--seed", "2")
    with ExitStack() as stack:

        def made(*more: str) -> World:
            return stack.enter_context(World(dict.fromkeys((*EU, *more), europe.url), elsewhere=elsewhere.url))

        yield made


def _program(folder: Path, box: SandboxProcess, world: World, **more: str) -> Program:
    names = ("BULKZOHO_CLIENT_ID", "BULKZOHO_CLIENT_SECRET", "BULKZOHO_REFRESH_TOKEN")
    program = Program(folder, {**{name: box.environment[name] for name in names}, **world.environment, **more})
    program.leads("leads.csv", 3)
    return program


IMPORT = ("import", "leads.csv", "--module", "Leads")


@pytest.mark.parametrize("status", [200, 401])
def test_a_login_detects_the_data_center(tmp_path: Path, europe: SandboxProcess, begin: Begin, status: int) -> None:
    world = begin()
    europe.change(strict={"oauth_error_status": status})
    program = _program(tmp_path, europe, world, BULKZOHO_GRANT_CODE=europe.code(), BULKZOHO_REFRESH_TOKEN="")

    # bulkzoho auth login
    ended = program.run("auth", "login").expect(0)
    # bulkzoho import leads.csv --module Leads
    program.run(*IMPORT, environment={"BULKZOHO_CLIENT_ID": "", "BULKZOHO_CLIENT_SECRET": ""}).expect(0)

    assert "Your account is in the EU data center (--dc eu); accounts.zoho.com does not know the client." in ended.err
    assert "data center   eu" in ended.out
    assert europe.count() == 3
    secret = europe.environment["BULKZOHO_CLIENT_SECRET"]
    assert world.hosts_that_saw(secret) == {"accounts.zoho.com", "accounts.zoho.eu"}  # the first that was named, and its own


def test_a_client_of_another_data_center_is_named_and_its_secrets_go_nowhere_else(
    tmp_path: Path, europe: SandboxProcess, begin: Begin
) -> None:
    world = begin()
    program = _program(tmp_path, europe, world)

    # bulkzoho import leads.csv --module Leads
    ended = program.run(*IMPORT).expect(6)
    # bulkzoho doctor
    doctor = program.run("doctor").expect(6)
    # bulkzoho import leads.csv --module Leads --dc eu
    program.run(*IMPORT, "--dc", "eu").expect(0)

    assert "bulkzoho: your account is in the EU data center, not at accounts.zoho.com." in ended.err
    assert "failure  data center        your account is in the EU data center" in doctor.out
    for name in ("BULKZOHO_CLIENT_SECRET", "BULKZOHO_REFRESH_TOKEN"):
        assert world.hosts_that_saw(europe.environment[name]) == {"accounts.zoho.com", "accounts.zoho.eu"}


def test_a_token_whose_api_is_in_another_data_center_is_named(tmp_path: Path, europe: SandboxProcess, begin: Begin) -> None:
    world = begin("accounts.zoho.com")  # a client that several data centers know
    program = _program(tmp_path, europe, world)

    # bulkzoho import leads.csv --module Leads
    ended = program.run(*IMPORT).expect(6)

    assert "bulkzoho: your account is in the EU data center, not at www.zohoapis.com." in ended.err
    assert "www.zohoapis.com" not in world.seen


def test_a_token_rejected_by_the_api_of_another_data_center_is_explained(
    tmp_path: Path, europe: SandboxProcess, begin: Begin
) -> None:
    world = begin()
    program = _program(tmp_path, europe, world, BULKZOHO_DC="eu", BULKZOHO_API_URL="https://www.zohoapis.com")

    # bulkzoho import leads.csv --module Leads
    ended = program.run(*IMPORT).expect(6)

    assert "bulkzoho: your account is in the EU data center, not at www.zohoapis.com." in ended.err
    assert europe.state()["tokens_issued"] == 2  # one, and one to see whether that helps


def test_a_login_follows_the_api_domain_of_the_token(tmp_path: Path, europe: SandboxProcess, begin: Begin) -> None:
    world = begin("accounts.zoho.com")
    program = _program(tmp_path, europe, world, BULKZOHO_GRANT_CODE=europe.code(), BULKZOHO_REFRESH_TOKEN="")

    # bulkzoho auth login
    program.run("auth", "login").expect(0)
    profiles = json.loads(program.run("auth", "list", "--json").expect(0).out)

    assert [one["dc"] for one in profiles] == ["eu"]


def test_no_token_goes_to_a_host_outside_the_data_center(tmp_path: Path, europe: SandboxProcess, begin: Begin) -> None:
    world = begin()
    europe.change(api_domain="https://www.zohoapis.eu.example.com")
    program = _program(tmp_path, europe, world, BULKZOHO_DC="eu")

    # bulkzoho import leads.csv --module Leads
    run = program.run(*IMPORT).expect(6)
    # bulkzoho auth login
    login = program.run("auth", "login").expect(6)

    assert "www.zohoapis.eu.example.com as the API host, which is not a host of Zoho" in run.err
    assert "www.zohoapis.eu.example.com as the API host, which is not a host of Zoho" in login.err
    assert not (program.home / "profiles.json").exists()
    assert set(world.seen) == {"accounts.zoho.eu"}


def test_the_doctor_names_hosts_and_data_center(tmp_path: Path, europe: SandboxProcess, begin: Begin) -> None:
    program = _program(tmp_path, europe, begin(), BULKZOHO_DC="eu")

    # bulkzoho doctor
    out = program.run("doctor").expect(0).out

    assert "accounts.zoho.eu responds in" in out
    assert "www.zohoapis.eu, data center eu" in out
    assert "content.zohoapis.eu responds in" in out


def test_an_untrusted_certificate_is_reported(tmp_path: Path, europe: SandboxProcess, begin: Begin) -> None:
    world = begin()
    program = _program(tmp_path, europe, world, BULKZOHO_DC="eu", SSL_CERT_FILE="/dev/null")

    # bulkzoho doctor
    out = program.run("doctor").expect(6).out

    assert "failure  accounts host      accounts.zoho.eu: the certificate is not trusted." in out
    assert not world.hosts_that_saw("client_secret")
