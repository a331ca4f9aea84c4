"""Which rules name a text, where each rule lists names and globs.

Names are found in a dict; globs are tried one after the other, each distinct one once, which is why the answer for a
text is worth remembering (``match`` does).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from fnmatch import translate

from relay.events import symbol_root
from relay.rules.bits import mask_of
from relay.rules.conditions import is_glob


class Patterns:
    """The lists of many rules; bit ``i`` is ``lists[i]``. Texts and patterns are in upper case."""

    def __init__(self, lists: Sequence[Sequence[str]], *, futures: bool = False) -> None:
        """Index ``lists``; with ``futures``, contract suffixes don't count (see ``conditions.name_fits``)."""
        names: defaultdict[str, list[int]] = defaultdict(list)
        globs: defaultdict[str, list[int]] = defaultdict(list)
        self._root: Callable[[str], str] = symbol_root if futures else str
        for bit, patterns in enumerate(lists):
            for pattern in patterns:
                if is_glob(pattern):
                    globs[pattern].append(bit)
                else:
                    names[self._root(pattern)].append(bit)
        size = len(lists)
        self._names = {name: mask_of(bits, size) for name, bits in names.items()}
        self._globs = [
            (_matcher(glob), _matcher(self._root(glob)) if futures else None, mask_of(bits, size))
            for glob, bits in globs.items()
        ]

    def find(self, text: str) -> int:
        """The rules that list ``text``."""
        root = self._root(text)
        mask = self._names.get(root, 0)
        for fits, root_fits, rules in self._globs:
            if fits(text) or (root_fits is not None and root_fits(root)):
                mask |= rules
        return mask


def _matcher(glob: str) -> Callable[[str], object]:
    return re.compile(translate(glob)).match
