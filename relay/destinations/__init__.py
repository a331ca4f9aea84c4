"""Where alerts go: a package a kind with its config, each behind the protocol in ``base``.

    config ──factory──> Webhook · Discord · Slack · Apprise (in a thread of its own)
                           │
    Message ──render (JSON, template, texts)──> body ──endpoint──> http ──> Answer | Failure
    Outcome <──redact, cut── outcome: judged once, by a table <─────────────────────┘

What holds always: one call is one attempt, bounded in time and size, and it raises nothing but cancellation; waiting
and trying again are the lane's. No url, header or secret is in what comes back.
"""
