"""The operators, a module a family.

Each family module lists what it offers: ``__all__`` for ``torch.<name>``, ``METHODS`` for ``Tensor.<name>``,
``INPLACE`` for the functions made by ``unary`` that also get a ``<name>_`` method.
"""

from gradviz_engine.ops.activation import *
from gradviz_engine.ops.adaptive_pooling import *
from gradviz_engine.ops.binary import *
from gradviz_engine.ops.chains import *
from gradviz_engine.ops.comparison import *
from gradviz_engine.ops.conversion import *
from gradviz_engine.ops.convolution import *
from gradviz_engine.ops.copying import *
from gradviz_engine.ops.cross import *
from gradviz_engine.ops.cross_entropy import *
from gradviz_engine.ops.ctc import *
from gradviz_engine.ops.cumulative import *
from gradviz_engine.ops.distance import *
from gradviz_engine.ops.dropout import *
from gradviz_engine.ops.einsum import *
from gradviz_engine.ops.elementary import *
from gradviz_engine.ops.embedding import *
from gradviz_engine.ops.extrema import *
from gradviz_engine.ops.filling import *
from gradviz_engine.ops.fused import *
from gradviz_engine.ops.gelu import *
from gradviz_engine.ops.grid_sampler import *
from gradviz_engine.ops.image import *
from gradviz_engine.ops.indexing import *
from gradviz_engine.ops.joining import *
from gradviz_engine.ops.least_squares import *
from gradviz_engine.ops.legacy_linalg import *
from gradviz_engine.ops.linear import *
from gradviz_engine.ops.lu_factors import *
from gradviz_engine.ops.masking import *
from gradviz_engine.ops.matmul import *
from gradviz_engine.ops.matrix_exp import *
from gradviz_engine.ops.norm_layers import *
from gradviz_engine.ops.norms import *
from gradviz_engine.ops.padding import *
from gradviz_engine.ops.pairwise import *
from gradviz_engine.ops.part_scatter import *
from gradviz_engine.ops.pointwise import *
from gradviz_engine.ops.pooling import *
from gradviz_engine.ops.powers import *
from gradviz_engine.ops.rearranging import *
from gradviz_engine.ops.recurrent import *
from gradviz_engine.ops.reduction import *
from gradviz_engine.ops.sampling import *
from gradviz_engine.ops.scatter import *
from gradviz_engine.ops.scatter_reduce import *
from gradviz_engine.ops.selecting import *
from gradviz_engine.ops.shape import *
from gradviz_engine.ops.signal_windows import *
from gradviz_engine.ops.smooth_activation import *
from gradviz_engine.ops.softmax import *
from gradviz_engine.ops.solving import *
from gradviz_engine.ops.sorting import *
from gradviz_engine.ops.special_functions import *
from gradviz_engine.ops.splitting import *
from gradviz_engine.ops.statistics import *
from gradviz_engine.ops.view_copies import *

from gradviz_engine.ops import methods as _methods  # isort: skip  (hangs everything above on Tensor)
