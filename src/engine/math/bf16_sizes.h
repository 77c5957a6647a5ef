/* bf16_sizes.h - how the products in bf16 are cut: the packed tiles, and the scratch they take. */
#ifndef BF16_SIZES_H
#define BF16_SIZES_H

enum {
    TILE = 16,        /* rows, columns and pairs of a tile */
    TILE_DEPTH = 32,  /* two elements a pair */
    TILE_WORDS = 256, /* TILE x TILE pairs */
    BF16_DEPTH = 512, /* of one cut of the reduction */
    BF16_ROWS = 1024, /* of A, packed at a time: 1 MB, half of a second-level cache */
    BF16_STRIP = 64,  /* columns of B at most */
};

#endif
