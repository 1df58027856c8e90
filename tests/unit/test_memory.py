"""What this program asks of Arrow's memory, and that it leaves to users what they chose."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import pytest

from muniment.memory import ARROW_KEEPS, ARROW_VARIABLE, POOL_BY_USER, WITH_JEMALLOC

TOLD = f"""
import os
from muniment.memory import arrange_arrow, economise
arrange_arrow()
import pyarrow
print(pyarrow.default_memory_pool().backend_name, os.environ["{ARROW_VARIABLE}"])
economise()
print(pyarrow.default_memory_pool().backend_name)
"""


@pytest.mark.skipif(
    (sys.platform, platform.machine()) != WITH_JEMALLOC, reason="elsewhere Arrow's own choice may be kept"
)
@pytest.mark.parametrize(
    ("chosen", "pool", "kept"),
    [
        ({}, "jemalloc", ARROW_KEEPS),
        ({POOL_BY_USER: "system", ARROW_VARIABLE: "narenas:2"}, "system", "narenas:2"),
    ],
)
def test_arrow_takes_its_memory_from_one_heap_of_jemalloc_unless_the_user_says_otherwise(
    chosen: dict[str, str], pool: str, kept: str
) -> None:
    environment = {
        name: value for name, value in os.environ.items() if name not in (POOL_BY_USER, ARROW_VARIABLE)
    }
    command = [sys.executable, "-c", TOLD]
    ended = subprocess.run(command, env=environment | chosen, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines() == [f"{pool} {kept}", pool]
    assert ended.stderr == ""
