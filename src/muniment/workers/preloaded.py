"""Imported once by the process that workers are forked from: what each of them would import else."""

from __future__ import annotations

from muniment.memory import economise, without_pandas

economise()  # before Arrow is imported

import numpy.ma  # noqa: E402, F401 - by the first chunk, as is the next
import pyarrow.compute  # noqa: E402, F401

import muniment.workers.processes  # noqa: E402, F401

without_pandas()
