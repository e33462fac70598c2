"""Orders and its child modules: a subform and the linking module of a multi-select lookup."""

from __future__ import annotations

from bulkzoho.sandbox.state.catalogue.field_builders import boolean, currency, date, integer, lookup, system_fields, text
from bulkzoho.sandbox.state.schema import CrmModule, DataType, Field

__all__ = ["HELPERS", "LINES", "ORDERS"]

ORDERS = CrmModule(
    api_name="Orders",
    singular="Order",
    number=6,
    display_field="Name",
    system_key="Name",
    custom=True,
    fields=(
        text("Name", 120, mandatory=True),
        text("External_Id", 100, unique=True, custom=True),
        lookup("Customer", "Contacts", custom=True),
        date("Ordered_On", custom=True),
        Field(api_name="Order_Lines", data_type=DataType.SUBFORM, length=200, target="Order_Lines", custom=True),
        Field(api_name="Helpers", data_type=DataType.MULTI_LOOKUP, length=100, target="Orders_X_Contacts", custom=True),
        *system_fields(),
    ),
)

LINES = CrmModule(
    api_name="Order_Lines",
    singular="Order Line",
    number=7,
    display_field="Product",
    system_key="",
    custom=True,
    generated="subform",
    parent_field="Parent_Id",
    fields=(
        text("Product", 120, custom=True),
        integer("Quantity", custom=True),
        currency("Price", custom=True),
        boolean("Delivered", custom=True),
        lookup("Parent_Id", "Orders"),
        *system_fields(),
    ),
)

HELPERS = CrmModule(
    api_name="Orders_X_Contacts",
    singular="Helper",
    number=8,
    display_field="id",
    system_key="",
    custom=True,
    generated="linking",
    parent_field="Orders",
    fields=(
        lookup("Orders", "Orders", custom=True),
        lookup("Contacts", "Contacts", custom=True),
        *system_fields(),
    ),
)
