"""Settings of the property tests of this folder."""

from __future__ import annotations

import hypothesis

hypothesis.settings.register_profile("without-deadline", deadline=None)
# How long an example takes depends on what else the machine does; hangs are caught by the whole run's limit.
hypothesis.settings.load_profile("without-deadline")
