"""The relay's own HTTP: health, metrics, listings, a few verbs, and the status page.

    request ──> connections ──guard: may they?──┬──> api    ──> Desk ──values──> answers ──> JSON
                (bounded)         │              ├──> pages  ──> Desk ──values──> HTML
                                  │              └──> stream <── Broadcast <── what happens
                                  └── no: 401, 403, 429

What holds always: nobody whom ``access`` refuses reaches a handler, no answer holds a secret, and nothing here
knows lanes, sockets or SQL: ``desk`` is all it sees of the relay.
"""
