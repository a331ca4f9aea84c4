"""Slack incoming webhooks: blocks for each alert, within every limit, at the pace that Slack bears."""
