/* ops_plain.c - the kernels in four lanes of portable C: what every CPU runs, and what the others
 * are compared with. */
#define VEC_PLAIN
#include "engine/math/ops_table.h"

const struct ops ops_plain = OPS_TABLE("plain", false);
