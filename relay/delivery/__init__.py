"""Delivery: a lane a destination, from the outbox to the wire and back.

    outbox ──claims──> Supply ──> Window (what is held, in order) ──> Lane ──> Sender (what fits) ──> Destination
      ^                                                                │                                │
      └──notes── Settlement (whose fault? again, parked, dead?) <──────┴───────────Outcome──────────────┘

    may it send?  LaneSwitch (on, paused, off) · Condition (open, held, probe) · limiters (how often)

What one destination does never delays another: lanes share nothing but the outbox, and what a provider limits for
several of them together.
"""
