"""``bulkzoho modules`` and ``bulkzoho fields``."""

from __future__ import annotations

import json

import pytest

from .harness import Program, SandboxProcess


def test_modules_are_listed_with_their_labels(bulkzoho: Program) -> None:
    # bulkzoho modules
    ended = bulkzoho.run("modules").expect(0)

    heading, *rows = ended.out.splitlines()
    assert heading.split() == ["module", "singular", "plural", "API", "operations"]
    assert any(row.split()[:3] == ["Leads", "Lead", "Leads"] for row in rows)
    assert "Organization Sandbox Company (sandbox), ultimate, as Ana Lund." in ended.err


def test_modules_as_json_are_an_array(bulkzoho: Program) -> None:
    # bulkzoho modules --json
    modules = json.loads(bulkzoho.run("modules", "--json").expect(0).out)

    assert {"Leads", "Contacts", "Accounts", "Deals", "Shipments"} <= {one["api_name"] for one in modules}
    assert {one["api_name"] for one in modules if not one["creatable"]} == {"Order_Lines"}  # a subform


def test_fields_are_listed_with_everything_an_import_needs(bulkzoho: Program) -> None:
    # bulkzoho fields Leads
    table = bulkzoho.run("fields", "Leads").expect(0).out
    rows = {row.split()[0]: row for row in table.splitlines()}

    assert "required" in rows["Last_Name"]
    assert "80" in rows["Last_Name"]
    assert "unique" in rows["External_Id"]
    assert "never" in rows["Created_Time"]
    assert " | … (" in rows["Lead_Source"]
    assert "ownerlookup" in rows["Owner"]


def test_fields_as_json_are_an_object_with_every_value(bulkzoho: Program) -> None:
    # bulkzoho fields Deals --json
    described = json.loads(bulkzoho.run("fields", "Deals", "--json").expect(0).out)
    fields = {one["api_name"]: one for one in described["fields"]}

    assert described["org"] == "650000001"
    assert fields["Stage"]["required"]
    assert len(fields["Stage"]["pick_list"]) > 3
    assert fields["Account_Name"]["lookup_module"] == "Accounts"


@pytest.mark.parametrize("name", ["Shipments", "shipment", "Shipment", " SHIPMENTS "])
def test_a_module_is_found_by_its_labels(bulkzoho: Program, name: str) -> None:
    # bulkzoho fields Shipment --json
    assert json.loads(bulkzoho.run("fields", name, "--json").expect(0).out)["crm_module"]["api_name"] == "Shipments"


def test_a_former_module_name_still_finds_its_module(bulkzoho: Program, sandbox: SandboxProcess) -> None:
    bulkzoho.file("deals.csv", "Deal_Name,Stage\nBig one,Qualification\n")

    # bulkzoho import deals.csv --module Potentials
    summary = bulkzoho.run("import", "deals.csv", "--module", "Potentials", "--json").expect(0).summary

    assert (summary["crm_module"], sandbox.count("Deals")) == ("Deals", 1)


def test_an_unknown_name_is_answered_with_the_nearest(bulkzoho: Program) -> None:
    # bulkzoho fields Leds
    ended = bulkzoho.run("fields", "Leds").expect(4)

    assert ended.out == ""
    assert ended.err.splitlines()[-2:] == ["bulkzoho: the CRM has no module 'Leds'.", "  Did you mean Leads?"]
