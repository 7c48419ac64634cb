#!/usr/bin/env python3
"""Turns the examples of a guide into doctest cases: one for each heading that has some.

    examples_to_tests.py GUIDE.md OUT.cpp

A statement that ends with `// => text` is an expression whose text, as save_as_text_file would write it, has to be that one.
"""

import pathlib
import re
import sys

HEADER = """// Made from {guide}: edit that.
#include "example.hpp"
"""


def depth_after(line, depth):
    code = re.sub(r'"(\\.|[^"\\])*"|\'(\\.|[^\'\\])*\'', "", line)
    return depth + sum(code.count(c) for c in "({[") - sum(code.count(c) for c in ")}]")


def statements(lines):
    """(code, expected or None), a statement each; control structures count with what they govern."""
    pending, depth = [], 0
    for line in lines:
        code, _, expected = line.partition(" // => ")
        if "// => " in line and not expected:
            code, _, expected = line.partition("// => ")
        pending.append(code.rstrip())
        depth = depth_after(code, depth)
        if depth == 0 and code.rstrip().endswith((";", "}")):
            yield "\n".join(pending), expected.strip() or None
            pending = []
    if pending:
        sys.exit(f"examples_to_tests: a statement does not end: {pending}")


def cases(text):
    heading, block = "", None
    for line in text.splitlines():
        if line.startswith("```cpp"):
            block = []
        elif line.startswith("```") and block is not None:
            yield heading, block
            block = None
        elif block is not None:
            block.append(line)
        elif line.startswith("#"):
            heading = line.lstrip("# ").strip()


def main():
    guide, out = map(pathlib.Path, sys.argv[1:])
    made = [HEADER.format(guide=guide.name)]
    for heading, block in cases(guide.read_text()):
        made.append(f'\nTEST_CASE_FIXTURE(example, "{heading}") {{')
        for code, expected in statements(block):
            if expected is None:
                made.append(code)
            else:
                quoted = expected.replace("\\", "\\\\").replace('"', '\\"')
                made.append(f'gives([&] {{ return ({code.rstrip().removesuffix(";")}); }}, "{quoted}");')
        made.append("}")
    out.write_text("\n".join(made) + "\n")


main()
