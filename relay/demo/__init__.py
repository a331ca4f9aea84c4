"""The main job in one command, on this machine alone, judged by an oracle of its own.

    market ──> simulator ══socket, REST══> relay run ══signed HTTP══> inbox, Discord, Slack
    (here)      (here)                     (a process)                (here)
       │                                        │                        │
       └── tally: what is due ──────────────── compared ─────── what arrived, or is shown

The relay is the real command with a real config in a process of its own: nothing that the demo draws or fires takes
its time, and nothing in the demo knows the relay's inside. What is due is told by judging each rule on each alert
alone, never by the relay's own matcher.
"""
