#!/usr/bin/env python3
"""Write unicode_tables.h: where Hugging Face's `tokenizers` and utf8proc see Unicode differently.

    python3 src/engine/text/make_unicode_tables.py > src/engine/text/unicode_tables.h

Nothing here is copied from a data file. Every code point is put through the normalisers and the
pre-tokenizer of the installed `tokenizers`, and what comes out is compared with what the system's
utf8proc says. Two kinds of tables result:

* Small sets that `tokenizers` defines by itself (control, space, CJK): the whole set.
* Properties that utf8proc knows, but of a newer Unicode than `tokenizers` goes by: only the ranges
  in which utf8proc's answer must be ignored. Code points that utf8proc has not assigned are put
  into those ranges too, so that a later utf8proc, which will know them, changes no token.
"""
import ctypes
import ctypes.util
import sys

from tokenizers import __version__ as tokenizers_version
from tokenizers.normalizers import NFD, NFKD, BertNormalizer, StripAccents
from tokenizers.pre_tokenizers import BertPreTokenizer, Digits, Whitespace

UTF8PROC_STABLE, UTF8PROC_COMPAT, UTF8PROC_DECOMPOSE = 1 << 1, 1 << 2, 1 << 4
CATEGORY_CN, CATEGORY_MN, CATEGORIES_P = 0, 6, range(12, 19)
CATEGORIES_M, CATEGORIES_N = (6, 7, 8), (9, 10, 11)
CATEGORIES_WORD = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12)  # letters, marks, Nd, Nl, Pc
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]


class Property(ctypes.Structure):
    _fields_ = [("category", ctypes.c_int16), ("combining_class", ctypes.c_int16)]


def open_utf8proc():
    library = ctypes.CDLL(ctypes.util.find_library("utf8proc"))
    library.utf8proc_get_property.restype = ctypes.POINTER(Property)
    library.utf8proc_decompose_char.restype = ctypes.c_ssize_t
    library.utf8proc_tolower.restype = ctypes.c_int32
    library.utf8proc_version.restype = ctypes.c_char_p
    return library


def ranges(code_points):
    out = []
    for c in sorted(code_points):
        if out and out[-1][1] == c - 1:
            out[-1][1] = c
        else:
            out.append([c, c])
    return out


def cover(inside, outside):
    """The fewest ranges that hold all of `inside` and none of `outside`."""
    out, open_range = [], False
    for c in CODE_POINTS:
        if c in outside:
            open_range = False
        elif c in inside:
            if open_range:
                out[-1][1] = c
            else:
                out.append([c, c])
                open_range = True
    return out


def step(**options):
    """One step of BertNormalizer alone, on a character between two letters."""
    off = {"clean_text": False, "handle_chinese_chars": False, "strip_accents": False,
           "lowercase": False}
    normalizer = BertNormalizer(**{**off, **options})
    return {c: normalizer.normalize_str("a" + chr(c) + "b")[1:-1] for c in CODE_POINTS}


def print_ranges(name, comment, table):
    print(f"/* {comment} */\nstatic const struct unicode_range {name}[] = {{")
    row = "   "
    for first, last in table:
        item = f" {{0x{first:04x}, 0x{last:04x}}},"
        if len(row + item) > 100:
            print(row)
            row = "   "
        row += item
    print(row + "\n};\n")


def print_lower(exceptions):
    print("/* Lower case that utf8proc does not know: first, last, what to add. */")
    print("static const struct unicode_shift unicode_newer_lower[] = {")
    runs = []
    for c, lower in sorted(exceptions.items()):
        if runs and runs[-1][1] == c - 1 and runs[-1][2] == lower - c:
            runs[-1][1] = c
        else:
            runs.append([c, c, lower - c])
    for first, last, shift in runs:
        print(f"    {{0x{first:04x}, 0x{last:04x}, {shift}}},")
    print("};\n")


def no_compatibility(library):
    """Code points that utf8proc decomposes for compatibility, `tokenizers` does not; and what does
    decompose."""
    buffer, boundary, normalizer = (ctypes.c_int32 * 32)(), ctypes.c_int(0), NFKD()
    whole, split = set(), set()
    for c in CODE_POINTS:
        n = library.utf8proc_decompose_char(
            c, buffer, 32, UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_STABLE,
            ctypes.byref(boundary))
        theirs, ours = normalizer.normalize_str(chr(c)), "".join(map(chr, buffer[:n]))
        if theirs != chr(c):
            split.add(c)
            assert theirs == ours, hex(c)
        elif ours != chr(c):
            whole.add(c)
    return whole, split


def between_letters(pre_tokenizer, parts):
    """Code points that leave "a?b" in so many parts."""
    return {c for c in CODE_POINTS
            if len(pre_tokenizer.pre_tokenize_str("a" + chr(c) + "b")) == parts}


def print_sets(category, unassigned):
    """Sets that utf8proc has by category, where `tokenizers` has another edition."""
    accents, digits = StripAccents(), Digits(individual_digits=True)
    accent = {c for c in CODE_POINTS if accents.normalize_str("a" + chr(c) + "b") == "ab"}
    number, word = between_letters(digits, 3), between_letters(Whitespace(), 1)
    for name, comment, theirs, categories in (
            ("accent", "a mark of any kind", accent, CATEGORIES_M),
            ("number", "a number", number, CATEGORIES_N),
            ("word", "\\w", word, CATEGORIES_WORD)):
        known = {c for c in CODE_POINTS if category[c] in categories}
        print_ranges(f"unicode_no_{name}", f"Not {comment}, though utf8proc may say so.",
                     cover((known - theirs) | (unassigned - theirs), theirs))
        print_ranges(f"unicode_{name}_too", f"Is {comment}, though utf8proc may not say so.",
                     ranges(theirs - known))


def main():
    library = open_utf8proc()
    category = {c: library.utf8proc_category(c) for c in CODE_POINTS}
    unassigned = {c for c in CODE_POINTS if category[c] == CATEGORY_CN}
    cleaned, cjk = step(clean_text=True), step(handle_chinese_chars=True)
    stripped, lowered = step(strip_accents=True), step(lowercase=True)
    words = {c: [w for w, _ in BertPreTokenizer().pre_tokenize_str("a" + chr(c) + "b")]
             for c in CODE_POINTS}
    control = {c for c in CODE_POINTS if cleaned[c] == ""}
    space = {c for c in CODE_POINTS if words[c] == ["a", "b"]}
    assert all(cleaned[c] in ("", " " if c in space else chr(c)) for c in CODE_POINTS)

    mark = {c for c in CODE_POINTS if stripped[c] == ""}
    known_mark = {c for c in CODE_POINTS if category[c] == CATEGORY_MN}
    punctuation = {c for c in CODE_POINTS if len(words[c]) == 3}
    known_punctuation = {c for c in CODE_POINTS if category[c] in CATEGORIES_P}

    buffer, boundary = (ctypes.c_int32 * 16)(), ctypes.c_int(0)
    nfd, known_split, split, known_ordered, ordered = NFD(), set(), set(), set(), set()
    for c in CODE_POINTS:
        n = library.utf8proc_decompose_char(c, buffer, 16, UTF8PROC_DECOMPOSE | UTF8PROC_STABLE,
                                            ctypes.byref(boundary))
        theirs, ours = nfd.normalize_str(chr(c)), "".join(map(chr, buffer[:n]))
        if ours != chr(c):
            known_split.add(c)
        if theirs != chr(c):
            split.add(c)
            assert theirs == ours, hex(c)
        # U+0345 has the highest combining class of all, 240: whatever has one moves before it.
        if c != 0x345 and theirs == chr(c):
            if nfd.normalize_str("a\u0345" + chr(c))[1] != "\u0345":
                ordered.add(c)
            if library.utf8proc_get_property(c).contents.combining_class:
                known_ordered.add(c)

    newer = {c: ord(lowered[c]) for c in CODE_POINTS
             if len(lowered[c]) == 1 and ord(lowered[c]) != library.utf8proc_tolower(c)}
    longer = {c: lowered[c] for c in CODE_POINTS if len(lowered[c]) != 1}
    assert longer == {0x130: "i\u0307"}, longer
    assert split <= known_split and ordered <= known_ordered

    utf8proc_version = library.utf8proc_version().decode()
    print(f"""/* unicode_tables.h - generated by make_unicode_tables.py; do not edit.
 * From tokenizers {tokenizers_version} and utf8proc {utf8proc_version}; unicode.c says what each
 * table means. */
#ifndef UNICODE_TABLES_H
#define UNICODE_TABLES_H
#include <stdint.h>

struct unicode_range {{
    uint32_t first, last;
}};

struct unicode_shift {{
    uint32_t first, last;
    int32_t add;
}};
""")
    print_ranges("unicode_control", "What clean_text removes.", ranges(control))
    print_ranges("unicode_space", "What separates words.", ranges(space))
    print_ranges("unicode_cjk", "What gets spaces around it.",
                 ranges(c for c in CODE_POINTS if cjk[c] != chr(c)))
    print_ranges("unicode_no_mark", "Not stripped, though utf8proc may say Mn.",
                 cover((known_mark - mark) | unassigned, mark))
    print_ranges("unicode_mark_too", "Stripped, though utf8proc does not say Mn.",
                 ranges(mark - known_mark))
    print_ranges("unicode_no_punctuation", "Part of a word, though utf8proc may say P.",
                 cover((known_punctuation - punctuation) | unassigned, punctuation))
    print_ranges("unicode_punctuation_too", "A word of its own, though utf8proc does not say P.",
                 ranges(punctuation - known_punctuation))
    print_ranges("unicode_no_order", "Stays in its place, though utf8proc may give it a class.",
                 cover((known_ordered - ordered) | unassigned, ordered))
    print_ranges("unicode_no_decomposition", "Stays whole, though utf8proc may decompose it.",
                 cover((known_split - split) | unassigned, split))
    whole, compatible = no_compatibility(library)
    print_ranges("unicode_no_compatibility",
                 "Stays whole, though utf8proc may decompose it for compatibility.",
                 cover(whole | unassigned, compatible))
    print_sets(category, unassigned)
    print_lower(newer)
    print("#endif")


if __name__ == "__main__":
    sys.exit(main())
