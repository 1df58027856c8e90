"""Imported once by the process that workers are forked from: what each of them would import else."""

from __future__ import annotations

import numpy.ma  # noqa: F401 - by the first chunk, as is what follows
import pyarrow.compute  # noqa: F401

import muniment.workers.processes  # noqa: F401
from muniment.memory import economise

economise()
