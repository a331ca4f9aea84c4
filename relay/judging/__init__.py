"""Judging: which of the rules that matched an event want it sent, now that memory and people are asked too.

    event ──match──> rules ──Judge──> wants · suppressed (snooze, hours, cooldown) · asks ──merge──> deliveries, marks
                               │                                                 │
                     Marks · Snoozes (in memory, of the store)                Decider ──look-up──> wants · not · unknown

Matching is a pure function of rule and event and stays one; here is what it leaves to time, memory and the upstream.
"""
