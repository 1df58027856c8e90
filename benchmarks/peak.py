"""The peak memory of a load, in a process of its own, so that nothing else that was done counts.

    python -m benchmarks.peak load SOURCE --mapping M --to URL ...     any command of the program
    python -m benchmarks.peak records NUMBER URL                       an iterable of so many dicts

The last lines on stdout are the account, as `--json` has it, and the peak in bytes.
"""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Measured:
    """What a load came to, and the largest resident size of its process in bytes."""

    account: Mapping[str, Any]
    peak_bytes: int


def measured(*arguments: str | Path | int) -> Measured:
    """Run a command of this module in a process of its own, and return what it told.

    Raises:
        RuntimeError: it ended without telling; with what it wrote.
    """
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.peak", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": paths},
    )
    if done.returncode:
        raise RuntimeError(f"the load failed:\n{done.stdout}\n{done.stderr}")
    account, peak = done.stdout.splitlines()[-2:]
    return Measured(json.loads(account), int(peak))


def peak_bytes() -> int:
    """The largest resident size of this program so far.

    Linux carries `ru_maxrss` over from the process that started this one; `VmHWM` begins with the program.
    """
    status = Path("/proc/self/status")
    if status.exists():
        kibibytes = re.search(r"VmHWM:\s*(\d+) kB", status.read_text(encoding="ascii", errors="replace"))
        if kibibytes:
            return int(kibibytes[1]) * 1024
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024


def _command(arguments: list[str]) -> None:
    """Run the program as a user does, its log and progress included; it prints its JSON."""
    from muniment import cli  # noqa: PLC0415  # `measured` must not burden the process that calls it

    sys.argv = ["muniment", *arguments, "--json"]
    cli.main()


def _records(number: int, url: str) -> None:
    """Load dicts that are made while they are read, and print what came of it."""
    import muniment  # noqa: PLC0415
    from benchmarks import flat  # noqa: PLC0415

    def dicts() -> Iterator[dict[str, object]]:
        for row in flat.rows(number):
            yield dict(zip(flat.COLUMNS, row, strict=True))

    print(json.dumps(muniment.load(dicts(), model=flat.Artwork, to=url).as_dict()))


def main() -> None:
    """Do what the arguments say, then tell the peak."""
    first, *rest = sys.argv[1:]
    try:
        if first == "records":
            _records(int(rest[0]), rest[1])
        else:
            _command([first, *rest])
    finally:
        print(peak_bytes())


if __name__ == "__main__":
    main()
