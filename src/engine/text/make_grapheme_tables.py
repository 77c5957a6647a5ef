"""grapheme_tables.h: where utf8proc's grapheme clusters are not those of `tokenizers`.

    python make_grapheme_tables.py > grapheme_tables.h

needs `tokenizers` and utf8proc's library, whose versions the header names. A normaliser with a map
of one's own shows the clusters of `tokenizers`: of a cluster whose first character is in the map
nothing but that character's result is left. Code points of three and four bytes are asked for with
a neighbour of one byte, since only clusters of under six bytes are taken so.
"""
import ctypes
import ctypes.util
import os
import sys

from tokenizers import __version__ as tokenizers_version
from tokenizers.normalizers import Precompiled

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../tests"))
from charsmap import build_charsmap  # noqa: E402

CODE_POINTS = [c for c in range(0x80, 0x110000) if not 0xD800 <= c < 0xE000]
EXTEND, PREPEND, OTHER = 0x301, 0x600, 0x61


def ranges(changes):
    out = []
    for code, like in sorted(changes.items()):
        if out and out[-1][1] == code - 1 and out[-1][2] == like:
            out[-1][1] = code
        else:
            out.append([code, code, like])
    return out


def main():
    library = ctypes.CDLL(ctypes.util.find_library("utf8proc"))
    library.utf8proc_version.restype = ctypes.c_char_p
    library.utf8proc_grapheme_break.restype = ctypes.c_bool
    changes = {}
    after = Precompiled(build_charsmap({b"a": b"x"}))
    for c in CODE_POINTS:
        joins = after.normalize_str("a" + chr(c)) == "x"
        if joins == library.utf8proc_grapheme_break(0x61, c):
            changes[c] = EXTEND if joins else OTHER
    for first in range(0, len(CODE_POINTS), 20000):
        part = CODE_POINTS[first:first + 20000]
        before = Precompiled(build_charsmap({chr(c).encode(): b"y" for c in part}))
        for c in part:
            joins = before.normalize_str(chr(c) + "a") == "y"
            if joins == library.utf8proc_grapheme_break(c, 0x61):
                assert c not in changes, hex(c)
                changes[c] = PREPEND if joins else OTHER
    print(f"""\
/* grapheme_tables.h - made by make_grapheme_tables.py from tokenizers {tokenizers_version} and
 * utf8proc {library.utf8proc_version().decode()}: code points, and one of the same class that utf8proc knows. */
#ifndef GRAPHEME_TABLES_H
#define GRAPHEME_TABLES_H
#include <stdint.h>

static const struct {{
    uint32_t first, last, like;
}} grapheme_classes[] = {{""")
    for first, last, like in ranges(changes):
        print(f"    {{0x{first:x}, 0x{last:x}, 0x{like:x}}},")
    print("};\n\n#endif")


if __name__ == "__main__":
    main()
