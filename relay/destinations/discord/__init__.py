"""Discord webhooks: an embed for each alert, within every limit, at the pace that Discord tells."""
