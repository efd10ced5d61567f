"""Prints figures of what a command printed as JSON, an object or one a line, for scripts that compare:

    python3 Benchmarks/figures.py KEY [KEY ...] < FILE

A key may have dots: `communication.share`. Of several objects the last one counts that has the first key; - stands for what
there is not.
"""

import json
import sys


def objects(text):
    """All objects of a text, one after another."""
    decoder = json.JSONDecoder()
    while text := text.lstrip():
        value, end = decoder.raw_decode(text)
        yield value
        text = text[end:]


def figure(value, key):
    """What is under a dotted key; None where there is nothing."""
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


keys = sys.argv[1:]
found = [value for value in objects(sys.stdin.read()) if figure(value, keys[0]) is not None]
figures = [figure(found[-1], key) if found else None for key in keys]
print(*("-" if value is None else value for value in figures))
