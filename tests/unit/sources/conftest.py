"""Settings of the property tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from unittest.mock import patch

import hypothesis
import pytest

from muniment.sources import quoting, recovery

hypothesis.settings.register_profile("without-deadline", deadline=None)
# How long an example takes depends on what else the machine does; hangs are caught by the whole run's limit.
hypothesis.settings.load_profile("without-deadline")

WIDE = {"LONGEST_STRETCH": recovery.LONGEST_STRETCH}, quoting.QUOTES_AT_ONCE
TINY = {"LONGEST_STRETCH": 24, "SHORTEST_STRETCH": 6, "FEW_RECORDS": 2, "MOST_APART": 2}, 3


@pytest.fixture(scope="module", params=[WIDE, TINY], ids=["wide-stretches", "tiny-stretches"])
def stretches(request: pytest.FixtureRequest) -> Iterator[None]:
    """Both as it is, where arrays see all of an example at once, and with stretches of a few records."""
    of_recovery, quotes_at_once = request.param
    with patch.multiple(recovery, **of_recovery), patch.object(quoting, "QUOTES_AT_ONCE", quotes_at_once):
        yield
