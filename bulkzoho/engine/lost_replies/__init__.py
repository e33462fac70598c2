"""Requests without a response: wait, look up, resend or report as in doubt."""
