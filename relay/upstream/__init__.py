"""The vendor's feed: the socket, the REST endpoints, and what their objects mean.

    socket ──dial──> reader ──frame──> protocol (no I/O) ──decode──> Event ──> on_event
                       │  ▲               └── seq gap, acknowledgement ──────> on_gap
                       │  └── backoff <── decide: come back, rejected, or evicted?
                       └──> state        what the page and ``/readyz`` tell of the connection
    REST ──rest.page──> decode ──> RestPage | RestUnavailableError | RestRefusedError
    REST ──lookup──> Snapshot      what is known of one symbol, cached; the same errors, and UnknownSymbolError

What holds always: whatever the vendor sends, the reader lives on; nothing is awaited between two frames; one call of
``rest`` is one request, because paging and patience are the backfill's; ``get`` makes the requests of both.
"""
