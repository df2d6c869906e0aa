#!/usr/bin/env python3
"""Prints unicode_tables.inc from Python's copy of the Unicode Character Database.

    python3 proxy/adapters/make_unicode_tables.py > proxy/adapters/unicode_tables.inc
"""
import unicodedata

CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def may_compose_with_what_is_before():
    """Second characters of canonical compositions: NFC_Quick_Check=Maybe."""
    second = set(range(0x1161, 0x1176)) | set(range(0x11A8, 0x11C3))  # conjoining jamo, composed by rule
    for c in CODE_POINTS:
        parts = unicodedata.decomposition(chr(c)).split()
        if len(parts) == 2 and not parts[0].startswith("<") and unicodedata.normalize("NFC", chr(c)) == chr(c):
            second.add(int(parts[1], 16))
    return second


def ranges(code_points):
    found = []
    for c in code_points:
        if found and found[-1][1] == c - 1:
            found[-1][1] = c
        else:
            found.append([c, c])
    return found


def table(name, code_points):
    lines = [f"constexpr CodePoints {name}[] = {{", "   "]
    for first, last in ranges(code_points):
        item = f" {{0x{first:04X}, 0x{last:04X}}},"
        if len(lines[-1]) + len(item) > 118:
            lines.append("   ")
        lines[-1] += item
    return "\n".join(lines + ["};"])


maybe = may_compose_with_what_is_before()
print(f"// Unicode {unicodedata.unidata_version}, made by make_unicode_tables.py. Do not edit.")
print("//\n// kNotSurelyComposed: NFC_Quick_Check is No or Maybe.  kMarks: canonical combining class is not 0.")
print(table("kNotSurelyComposed",
            [c for c in CODE_POINTS if c in maybe or unicodedata.normalize("NFC", chr(c)) != chr(c)]))
print(table("kMarks", [c for c in CODE_POINTS if unicodedata.combining(chr(c))]))
