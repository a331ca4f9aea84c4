"""What ``relay init`` is made of: from options and answers on a terminal to a config that is there, tried out.

    options ──> Asked ──dialogue──> Answers ──draft──> File, … ──files──> config.yaml, and secrets beside it
                          │  ^                                                  │
            Scout: key, URL, last day ──> proposals                           report: what it means, how much it is,
                                                                              a sample, what to do next

The verb itself is ``relay.cli.init``.
"""
