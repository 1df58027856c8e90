"""Imported once by the process that workers are forked from: what each of them would import else."""

from __future__ import annotations

import os

from muniment.memory import arrange_arrow

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's own threads, which no fork takes along
arrange_arrow()

import numpy.ma  # noqa: E402, F401 - by the first chunk, as is the next
import pyarrow.compute  # noqa: E402, F401

import muniment.workers.processes  # noqa: E402, F401
