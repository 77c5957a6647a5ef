/* ops_table.h - the row of the kernel table that the including file fills. The includer defines
 * which vectors vec.h gives, includes this, and names its table. */
#ifndef OPS_TABLE_H
#define OPS_TABLE_H
#include "engine/math/kernels_act.h"
#include "engine/math/kernels_attention.h"
#include "engine/math/kernels_math.h"
#include "engine/math/kernels_norm.h"
#include "engine/math/kernels_optim.h"
#include "engine/math/kernels_peak.h"
#include "engine/math/kernels_product.h"
#include "engine/math/kernels_rows.h"

#define OPS_TABLE(kernels, leads)                                                                  \
    {                                                                                              \
        .name = kernels, .leads_blas = leads, .residual_norm_forward = residual_norm_forward,      \
        .residual_norm_backward = residual_norm_backward, .bias_act_forward = bias_act_forward,    \
        .bias_act_backward = bias_act_backward, .gated_act_forward = gated_act_forward,            \
        .gated_act_backward = gated_act_backward, .rope = rope, .bias_add = bias_add,              \
        .column_sum = column_sum, .dropout_rows = dropout_rows, .add = add, .scale = scale,        \
        .attention_forward = attention_forward, .attention_backward = attention_backward,          \
        .sum_squares = sum_squares, .adamw = adamw, .sgd = sgd, .product = product,                \
        .multiply_adds = multiply_adds,                                                            \
    }

#endif
