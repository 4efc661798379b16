"""Lines of the reference, to be run."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).parent.parent / "spikebin" / "docs" / "files.md"


def documented(name):
    """The lines of the reference that read a layout, for any `path` and `trial`."""
    blocks = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    block = next(block for block in blocks if name in block)
    return re.sub(r"^trial = 3\n", "", re.sub(r'"\w+\.h5"', "path", block), flags=re.MULTILINE)
