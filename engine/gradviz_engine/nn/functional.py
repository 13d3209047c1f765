"""``torch.nn.functional``: where each function lives is the family of its operator, in ``ops``."""

from __future__ import annotations

from typing import Any

from gradviz_engine.missing import missing_name
from gradviz_engine.nn.multihead import multi_head_attention_forward
from gradviz_engine.ops.activation import (
    hardshrink,
    hardsigmoid,
    hardswish,
    hardtanh,
    hardtanh_,
    leaky_relu,
    leaky_relu_,
    prelu,
    relu,
    relu6,
    relu_,
    softshrink,
    softsign,
    tanhshrink,
    threshold,
    threshold_,
)
from gradviz_engine.ops.adaptive_pooling import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_avg_pool3d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    lp_pool1d,
    lp_pool2d,
    lp_pool3d,
    max_unpool1d,
    max_unpool2d,
    max_unpool3d,
)
from gradviz_engine.ops.attention import scaled_dot_product_attention
from gradviz_engine.ops.composed_loss import (
    cosine_embedding_loss,
    gaussian_nll_loss,
    hinge_embedding_loss,
    kl_div,
    margin_ranking_loss,
    multilabel_soft_margin_loss,
    poisson_nll_loss,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
)
from gradviz_engine.ops.convolution import (
    conv1d,
    conv2d,
    conv3d,
    conv_transpose1d,
    conv_transpose2d,
    conv_transpose3d,
)
from gradviz_engine.ops.cross_entropy import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    nll_loss,
)
from gradviz_engine.ops.ctc import ctc_loss
from gradviz_engine.ops.distance import cosine_similarity, normalize, pairwise_distance, pdist
from gradviz_engine.ops.dropout import (
    alpha_dropout,
    dropout,
    dropout1d,
    dropout2d,
    dropout3d,
    feature_alpha_dropout,
)
from gradviz_engine.ops.elementary import sigmoid, tanh
from gradviz_engine.ops.embedding import embedding, embedding_bag, one_hot
from gradviz_engine.ops.gelu import gelu, rrelu, rrelu_
from gradviz_engine.ops.grid_sampler import grid_sample
from gradviz_engine.ops.image import (
    affine_grid,
    channel_shuffle,
    fold,
    pixel_shuffle,
    pixel_unshuffle,
    unfold,
)
from gradviz_engine.ops.interpolation import interpolate, upsample, upsample_bilinear, upsample_nearest
from gradviz_engine.ops.linear import bilinear, linear
from gradviz_engine.ops.loss import huber_loss, l1_loss, mse_loss, smooth_l1_loss
from gradviz_engine.ops.margin_loss import multi_margin_loss, multilabel_margin_loss, soft_margin_loss
from gradviz_engine.ops.norm_layers import (
    batch_norm,
    group_norm,
    instance_norm,
    layer_norm,
    local_response_norm,
    rms_norm,
)
from gradviz_engine.ops.padding import pad
from gradviz_engine.ops.pooling import avg_pool1d, avg_pool2d, avg_pool3d, max_pool1d, max_pool2d, max_pool3d
from gradviz_engine.ops.smooth_activation import (
    celu,
    celu_,
    elu,
    elu_,
    glu,
    logsigmoid,
    mish,
    selu,
    selu_,
    silu,
    softplus,
)
from gradviz_engine.ops.softmax import gumbel_softmax, log_softmax, softmax, softmin


def __getattr__(name: str) -> Any:
    raise missing_name("torch.nn.functional", name)
