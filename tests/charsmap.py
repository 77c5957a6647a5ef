"""A writer of SentencePiece's precompiled charsmaps, for tests: keys to results as bytes.

The double array is not packed: every node's children have a block of 256 units of their own.
"""
import struct


def build_charsmap(results):
    """`results`: what each key becomes, both bytes."""
    blob, trie = b"", {}
    for key, result in sorted(results.items()):
        node = trie
        for byte in key:
            node = node.setdefault(byte, {})
        node[None] = len(blob)
        blob += result + b"\0"
    units, blocks = {}, 1
    pending = [(trie, 0, 0)]
    while pending:
        node, place, label = pending.pop()
        children = blocks * 256 | place & 0xff
        blocks += 1
        offset = place ^ children
        unit = label | (offset << 10 if offset < 1 << 21 else (offset >> 8) << 10 | 1 << 9)
        if None in node:
            unit |= 1 << 8
            units[children] = node[None] | 1 << 31
        units[place] = unit
        pending += [(child, children ^ byte, byte)
                    for byte, child in node.items() if byte is not None]
    words = [units.get(i, 0) for i in range(blocks * 256)]
    return struct.pack("<I", 4 * len(words)) + struct.pack(f"<{len(words)}I", *words) + blob
