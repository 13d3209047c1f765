"""A numpy autograd engine with PyTorch's names and semantics.

``import gradviz_engine as torch`` runs ordinary PyTorch programs without PyTorch, with PyTorch's graph,
order of execution, messages and printing. Families of operators live in ``ops``, one module each.
"""

from __future__ import annotations

from typing import Any

import numpy as _np

from gradviz_engine import accelerator, autograd, backends, cuda, fft, linalg, masked, nn, optim, random, special, utils
from gradviz_engine.autograd.grad_mode import (
    enable_grad,
    inference_mode,
    is_grad_enabled,
    is_inference_mode_enabled,
    no_grad,
    set_grad_enabled,
)
from gradviz_engine.creation import *
from gradviz_engine.device import device
from gradviz_engine.dtypes import bool_ as bool
from gradviz_engine.dtypes import (
    cdouble,
    cfloat,
    complex64,
    complex128,
    double,
    dtype,
    float16,
    float32,
    float64,
    get_default_dtype,
    half,
    int8,
    int16,
    int32,
    int64,
    long,
    set_default_dtype,
    short,
    uint8,
)
from gradviz_engine.dtypes import float32 as float
from gradviz_engine.dtypes import int32 as int
from gradviz_engine.generator import Generator, default_generator
from gradviz_engine.layouts import channels_last, contiguous_format, layout, memory_format, preserve_format, strided
from gradviz_engine.legacy import *
from gradviz_engine.machine import *
from gradviz_engine.missing import missing_name
from gradviz_engine.ops import *
from gradviz_engine.printing import get_printoptions, set_printoptions
from gradviz_engine.random import get_rng_state, initial_seed, manual_seed, seed, set_rng_state
from gradviz_engine.serialization import load, save
from gradviz_engine.tensor import Size, Tensor

# PyTorch computes inf and nan silently; numpy's warnings about them would only confuse.
_np.seterr(all="ignore")

__version__ = "2.13.0+gradviz"


def __getattr__(name: str) -> Any:
    raise missing_name("torch", name)
