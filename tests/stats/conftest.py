"""A data set of ragged parts."""

from __future__ import annotations

import pytest
from drawn import RAGGED_PARTS, SIX_IDS, write_part


@pytest.fixture(scope="module", params=["bool", "count"])
def root(request, tmp_path_factory):
    root = tmp_path_factory.mktemp("stats")
    for part, shown in RAGGED_PARTS.items():
        write_part(root, "X_ON", part, shown, values=request.param, ids=SIX_IDS, end_bin=request.param == "count")
    return root
