"""An event-to-webhook relay for the StratAlerts feed."""

__version__ = "0.1.0"
