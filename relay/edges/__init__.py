"""Edges: rules on quotes and states, which fire as a condition becomes true and not while it stays so.

    value of a symbol ──Engine──> inside of the interval in which no rule changes its side: nothing, at once
                                  └── outside: which rules flip, which of those fire ──> an event with its rules, sides
"""
