"""Rules: what a trader wants to hear of. Values and pure functions, no I/O.

    config ──> Rule ──compile──> RuleIndex (bits, patterns, prices)
                 │                   │
                 │     Event ──> match ──> rules that fit ──merge──> {destination: its rules}
                 │
                 ├── conditions ──> explain    the same answer for one rule alone, and why not
                 └── words ──> plain           the rule in one sentence

What holds always: ``match`` and ``explain`` agree, a condition about something the event does not say fails, and the
cost of matching does not grow with the rules that can't match.
"""
