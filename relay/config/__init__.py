"""The config file: text in, one frozen ``Config`` out, or every fault at once.

    file ──yaml──> Document ──env──> Document ──model──> ConfigFile ──load──> Config
             │         │        │          │           │            │
             └─ syntax ┴ twice ─┴ unset ───┴── types ──┴── checks ──┴──> one InvalidConfigError, sorted by position

``load.load`` is what others call, and ``model.Config`` is what they get.
"""
