"""Imported once by the process that workers are forked from: what each of them would import else."""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy's own threads, which no fork takes along

import numpy.ma  # noqa: F401 - by the first chunk, as is the next
import pyarrow.compute  # noqa: F401

import muniment.workers.processes  # noqa: F401
