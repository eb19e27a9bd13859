"""Text that a spreadsheet shows, and never runs. Pure."""

_STARTS_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")


def harmless(text: str) -> str:
    """An apostrophe goes before what would begin a formula (OWASP: CSV injection), even behind spaces."""
    return f"'{text}" if text.lstrip(" \u00a0").startswith(_STARTS_FORMULA) else text
