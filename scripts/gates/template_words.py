#!/usr/bin/env python3
"""Refuses words in the templates of pages and letters: what people read comes from the catalogue in src/text/.

Words are letters between tags, in an attribute that browsers show or read out, and in a literal of an expression
(where an address and an identifier are none).
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

from graph import ROOT, report

FOLDER = ROOT / "crates" / "keyfob-issuer" / "templates"
SHOWN = {"alt", "aria-description", "aria-label", "aria-placeholder", "aria-roledescription", "label", "placeholder", "title"}
COMMENT = re.compile(r"\{#.*?#\}", re.DOTALL)
EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
LITERAL = re.compile(r'"([^"]*)"')
# What an expression may name by itself: a file, an address, an identifier.
NAME = re.compile(r"[a-z0-9_./#?=&-]*")
LETTER = re.compile(r"[^\W\d_]")


class Shown(HTMLParser):
    """Gathers what a reader would see or hear."""

    def __init__(self):
        super().__init__()
        self.found = []

    def handle_starttag(self, tag, attributes):
        self.found += [value for name, value in attributes if name in SHOWN and value]

    def handle_data(self, text):
        self.found.append(text)


def words(name, text):
    text = COMMENT.sub("", text)
    for expression in EXPRESSION.findall(text):
        for literal in LITERAL.findall(expression):
            if not NAME.fullmatch(literal):
                yield f"{name} says {literal!r} in an expression"
    text = EXPRESSION.sub("", text)
    shown = Shown()
    if name.endswith(".html"):
        shown.feed(text)
        shown.close()
    else:
        shown.handle_data(text)
    for found in shown.found:
        if LETTER.search(found):
            yield f"{name} says {found.strip()!r}; texts belong into src/text/"


def main():
    templates = sorted(path for path in FOLDER.rglob("*") if path.is_file())
    found = [line for path in templates for line in words(path.name, path.read_text())]
    return report("template-words", found, f"{len(templates)} templates without words of their own")


if __name__ == "__main__":
    sys.exit(main())
