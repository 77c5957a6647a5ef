"""Puts what a script printed into its place of a page: between "<!-- made by SCRIPT: PART -->" and
"<!-- end -->". A page without that place stays as it is."""
import re


def keep(page, script, part, text):
    with open(page, encoding="utf-8") as f:
        old = f.read()
    place = re.compile(rf"(<!-- made by {re.escape(script)}: {re.escape(part)} -->\n).*?(<!-- end -->)", re.S)
    new = place.sub(lambda m: f"{m[1]}{text}\n{m[2]}", old)
    if new != old:
        with open(page, "w", encoding="utf-8") as f:
            f.write(new)
