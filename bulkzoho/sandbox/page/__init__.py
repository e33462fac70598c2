"""The sandbox's web page: monitor calls and quotas, inject faults."""
