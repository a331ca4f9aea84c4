"""Delivery: a lane a destination, from the outbox to the wire and back.

    outbox ──claim──> Window (what is held, in order) ──> Lane ──Message──> Destination ──Outcome──> Lane ──> outbox
                                                           │
                                             Condition (may it send now?) · Limiter (how often?)

What one destination does never delays another: lanes share nothing but the outbox.
"""
