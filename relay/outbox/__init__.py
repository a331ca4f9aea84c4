"""The outbox: what must survive us. ``base`` says what it promises; ``sqlite`` keeps the promise in one file."""
