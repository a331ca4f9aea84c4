"""Edges: rules on quotes and states, which fire as a condition becomes true and not while it stays so.

    Tick ──Engine.take──┬── quotes: inside of the interval in which no rule changes its side ──> nothing, at once
                        ├── states: what rules may look at is as it was                      ──> nothing, nearly at once
                        └── else: which rules flip, which of those fire ──┬─> fire(tick, rules, sides)   one event
                                                                          └─> flip(sides)                no event

What holds always: a rule fires when its condition becomes true for a symbol and not while it stays so; the first value
that a rule ever sees of a symbol only sets its side; whoever stores the sides and hands them to the next engine loses
nothing over a restart. No I/O here, and no clock. Memory is a side and at most two prices for each pair of a rule and a
symbol that it names, and per symbol a few numbers.
"""
