"""Any service that the apprise library knows, as plain text; the library is an extra and loaded only when used."""
