"""What went wrong, in one line for a person, without a value that may be a secret."""

from __future__ import annotations

from pydantic import ValidationError


def one_line(error: Exception) -> str:
    """Of settings the complaints, each with its variable; of anything else the first line."""
    return _complaints(error) if isinstance(error, ValidationError) else first_line(error)


def first_line(error: Exception) -> str:
    """Why it failed; SQLAlchemy tells statement and parameters in the lines that follow."""
    cause = getattr(error, "orig", None) or error  # the driver's own words
    return next(iter(str(cause).splitlines()), "") or type(error).__name__


def _complaints(error: ValidationError) -> str:
    prefix = "WEB_" if error.title == "WebLimits" else ""
    found = (
        (".".join(map(str, item["loc"])), item["msg"].removeprefix("Value error, "))
        for item in error.errors(include_input=False, include_url=False)
    )
    return "; ".join(f"{prefix}{name.upper()}: {text}" if name else text for name, text in found)
