"""Chats on loopback that refuse what the real ones refuse, and show what arrived as they would show it.

    request ──> FakeChat ──fault?─┬─> FakeDiscord ── edge, buckets, limits ──┐
                                  └─> FakeSlack ──── bucket, blocks ─────────┴──> messages ──> page (HTML)

    both     server, calls, faults, buckets, posted, mentions · spans, times, page
    Discord  discord, edge, refusals, form, limits, message   · markdown, discord_view
    Slack    slack, blocks                                    · mrkdwn, slack_view

Where the vendor's documents leave room, these take the stricter reading: what passes here passes there. A message is
in ``messages`` once for each request that was accepted, in the order of arrival.
"""
