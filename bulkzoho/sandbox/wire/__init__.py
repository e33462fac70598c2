"""How a call comes in and how an answer goes out, faults included."""
