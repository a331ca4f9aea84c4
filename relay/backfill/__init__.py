"""Catching up over REST: what the socket missed is fetched, proven to be all, and stored.

    acknowledged ┐
    seq gap      ├─request─> Backfiller ─> one worker a channel, one round at a time
    overflow     │                              │
    every 5 m    ┘                              ▼
            start = the cursor as it stood 2 minutes before the last complete round began
                                                │
            Sweep ──Asker──> REST    page on from the greatest id until a page is not full;
              │    (1 s … 30 s)      after a full page, split until no part is full (``parts``)
              ▼
            Held ──ascending id──> Sink (durable on return) … last call: RoundEnd + holes

What holds always:

* The cursor moves once, at the end, with the last of what the round found, and never backwards.
* What the upstream could show is stored, or lies in a recorded hole.
* A channel's first round is its baseline (``baseline``): it decides what is old and never delivered.
"""
