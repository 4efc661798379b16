"""Lines of the README and the reference, to be run."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
DOCS = Path(__file__).parent.parent / "spikebin" / "docs" / "files.md"


def documented(name):
    """The lines of the reference that read a layout, for any `path` and `trial`."""
    blocks = re.findall(r"```python\n(.*?)```", DOCS.read_text(), re.DOTALL)
    block = next(block for block in blocks if name in block)
    return re.sub(r"^trial = 3\n", "", re.sub(r'"\w+\.h5"', "path", block), flags=re.MULTILINE)


def sh_lines(page):
    """The lines of a page's blocks for a shell script, without their comments."""
    blocks = re.findall(r"^```sh\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [re.split(r" +# ", line)[0] for block in blocks for line in block.splitlines()]
