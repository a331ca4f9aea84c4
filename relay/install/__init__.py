"""The relay as a system service: what `relay install` writes and does, planned before anything is touched.

    config, secrets, unit ──handover──> a config without secrets, a credential each, an environment
                              └─plan──> files with mode and owner ──what differs?──> Undertaking: files, steps, tells
                                          ├── shown: what would change, secrets masked        --dry-run
                                          └── installer ──apply, systemctl──> it runs ──ready?──> "Relay is up", once

What holds always: no secret is in a file that others may read, and none is printed; what is there already and says the
same is not touched; a file is put in its place whole; what is foretold is what is done.
"""
