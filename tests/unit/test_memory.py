"""What this program asks of Arrow's memory, and that it leaves to users what they chose."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from muniment.memory import POOL_BY_USER

TOLD = """
from muniment.memory import arrange_arrow, economise
arrange_arrow()
import pyarrow
economise()
print(pyarrow.default_memory_pool().backend_name)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere Arrow's own choice is kept")
@pytest.mark.parametrize(("chosen", "taken"), [({}, "jemalloc"), ({POOL_BY_USER: "system"}, "system")])
def test_arrow_takes_its_memory_from_jemalloc_unless_the_user_says_otherwise(
    chosen: dict[str, str], taken: str
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != POOL_BY_USER}
    command = [sys.executable, "-c", TOLD]
    ended = subprocess.run(command, env=environment | chosen, capture_output=True, text=True, check=True)
    assert ended.stdout.split() == [taken]
    assert ended.stderr == ""
