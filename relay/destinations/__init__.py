"""Where alerts go: one module or package a kind, each behind the protocol in ``base``."""
