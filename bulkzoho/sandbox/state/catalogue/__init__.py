"""Modules of every sandbox."""

from __future__ import annotations

from bulkzoho.sandbox.state.catalogue.business import ACCOUNTS, DEALS, SHIPMENTS
from bulkzoho.sandbox.state.catalogue.orders import HELPERS, LINES, ORDERS
from bulkzoho.sandbox.state.catalogue.people import CONTACTS, LEADS

__all__ = ["MODULES"]

MODULES = (LEADS, CONTACTS, ACCOUNTS, DEALS, SHIPMENTS, ORDERS, LINES, HELPERS)
