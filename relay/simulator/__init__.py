"""An upstream to try the relay against: a market of real daily bars, served as the vendor's pages describe.

bars ──> market ──> replay ──> upstream ──┬── feed    WebSocket: subscriptions, seq, eviction
(real)   (pure)     (pace)     (history)  ├── rest    alerts and states over HTTP
                                          └── faults  whatever can go wrong, on demand
inbox: a webhook receiver that counts what arrives
chat:  a Discord and a Slack with their limits and refusals, and a page of each channel
"""
