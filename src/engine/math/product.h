/* product.h - what the callers of the own product and its kernels must agree on. */
#ifndef PRODUCT_H
#define PRODUCT_H

enum {
    PRODUCT_PANEL_K = 256,      /* depth of one chain of multiply-adds */
    PRODUCT_PANEL_COLUMNS = 64, /* the widest tile of any row of the table */
};

#endif
