#!/usr/bin/env python3
"""Draws the report of results files: one self-contained HTML page with figures, and the same as Markdown.

    perf/report.py [--html out/report.html] [--markdown out/report.md] [FILE...]

Without files, all of perf/results. Each machine is shown by its newest file; earlier ones make its history. A file that is no results file
is named on standard error and left out. Needs the standard library alone. Exit code 1 where no file could be read, 2 for a wrong call.
"""

import argparse
import glob
import os
import sys

import report_sections
import results_file
from report_figures import escape
from results_file import BadResults

LONG_CELL = 70   # characters from which a cell may break into lines
STYLE = """
:root { --ground:#ffffff; --ink:#1b1f24; --soft:#57606a; --rule:#d0d7de; --panel:#f6f8fa;
  --s0:#0072b2; --s1:#e69f00; --s2:#009e73; --s3:#d55e00; --s4:#56b4e9; --s5:#cc79a7; --s6:#8c7a00; --s7:#5b4b9a; --s8:#9aa0a6; --inside:#ffffff; }
@media (prefers-color-scheme: dark) { :root { --ground:#0f1318; --ink:#e6e9ed; --soft:#9aa4af; --rule:#323a44; --panel:#171d24;
  --s0:#4aa3df; --s1:#f0b429; --s2:#2fc49a; --s3:#ff7f3f; --s4:#9bd3f7; --s5:#e39ac4; --s6:#d6c843; --s7:#a99be8; --s8:#7d858e; --inside:#0f1318; } }
* { box-sizing:border-box } body { margin:0 auto; padding:24px 20px 60px; max-width:1240px; background:var(--ground); color:var(--ink);
  font:15px/1.5 system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif }
h1 { font-size:26px; margin:8px 0 4px } h2 { font-size:21px; margin:40px 0 4px; border-bottom:2px solid var(--rule); padding-bottom:4px } h3 { font-size:17px; margin:30px 0 6px }
p { margin:6px 0 } a { color:var(--s0) } figure { margin:14px 0 22px; padding:14px; background:var(--panel); border-radius:8px; overflow-x:auto }
figcaption, caption { color:var(--soft); font-size:13px } figcaption { margin-top:8px } caption { caption-side:bottom; text-align:left; padding-top:6px }
.wide { overflow-x:auto; margin:10px 0 20px } table { border-collapse:collapse; font-size:13px; min-width:40% }
th, td { padding:4px 9px; border-bottom:1px solid var(--rule); text-align:left; vertical-align:top } th { color:var(--soft); font-weight:600; white-space:nowrap }
td { overflow-wrap:break-word } td.l { min-width:320px; overflow-wrap:anywhere }
td.n, th.n { text-align:right; font-variant-numeric:tabular-nums; white-space:nowrap } pre { background:var(--panel); padding:10px 14px; border-radius:8px; overflow-x:auto; font-size:13px }
svg { width:100%; min-width:760px; height:auto; display:block; font:12px system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif } svg text { fill:var(--soft) }
svg .heading { fill:var(--ink); font-weight:600 } svg .value { fill:var(--ink); font-variant-numeric:tabular-nums } svg .inside { fill:var(--inside); font-weight:600 } svg .dark { fill:#14181d }
svg .grid { stroke:var(--rule); stroke-width:1 } svg .whisker { stroke:var(--ink); stroke-width:1.2 } svg .leader { stroke:var(--soft); stroke-width:.7 }
svg .roof { fill:none; stroke:var(--ink); stroke-width:1.8 } svg .curve { fill:none; stroke-width:2 } svg .point { stroke:var(--panel); stroke-width:1 }
"""


# ---- HTML ----

def html_table(table):
    def kind(index, cell):
        return " class=n" if index in table.numbers else " class=l" if len(cell) > LONG_CELL else ""

    def cells(row, tag):
        return "".join(f"<{tag}{kind(index, cell)}>{escape(cell)}</{tag}>" for index, cell in enumerate(row))
    head = f"<thead><tr>{cells(table.head, 'th')}</tr></thead>" if any(table.head) else ""
    caption = f"<caption>{escape(table.caption)}</caption>" if table.caption else ""
    body = "".join(f"<tr>{cells(row, 'td')}</tr>\n" for row in table.rows)
    return f'<div class="wide"><table>{caption}{head}<tbody>\n{body}</tbody></table></div>'


def html_part(part):
    if isinstance(part, report_sections.Table):
        return html_table(part)
    if isinstance(part, report_sections.Figure):
        return f"<figure>{part.svg}<figcaption>{escape(part.caption)}</figcaption></figure>"
    if isinstance(part, report_sections.Commands):
        return "<pre>" + "\n".join(map(escape, part.lines)) + "</pre>"
    return f"<p>{escape(part)}</p>"


def as_html(machines):
    body = []
    for name, found in machines:
        body.append(f"<h2>{escape(name)}</h2>")
        for section in found:
            body += [f"<h3>{escape(section.title)}</h3>", *map(html_part, section.parts)]
    return ('<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">'
            f'<meta name="color-scheme" content="light dark"><title>GptEngine: measurements</title><style>{STYLE}</style></head>\n<body><h1>GptEngine: measurements</h1>\n'
            + "\n".join(body) + "\n</body></html>\n")


# ---- Markdown ----

def cell(content):
    """Text that stays text in a table's cell."""
    escaped = "".join("\\" + character if character in "\\`*_[]<>|#" else character for character in content)
    return " ".join(escaped.split())


def markdown_table(table):
    rule = "|".join("---:" if index in table.numbers else "---" for index in range(len(table.head)))
    lines = ["| " + " | ".join(map(cell, table.head)) + " |", f"|{rule}|"] + ["| " + " | ".join(map(cell, row)) + " |" for row in table.rows]
    return "\n".join(lines + (["", cell(table.caption)] if table.caption else []))


def markdown_part(part):
    if isinstance(part, report_sections.Table):
        return markdown_table(part)
    if isinstance(part, report_sections.Commands):
        return "\n".join("    " + " ".join(line.split()) for line in part.lines)
    return None if isinstance(part, report_sections.Figure) else cell(part)


def as_markdown(machines):
    blocks = ["# GptEngine: measurements"]
    for name, found in machines:
        blocks.append(f"## {cell(name)}")
        for section in found:
            blocks += [f"### {cell(section.title)}", *(text for text in map(markdown_part, section.parts) if text)]
    return "\n\n".join(blocks) + "\n"


# ---- Files ----

def read(paths):
    """[(path, content)] of the valid files in the order of time; the others are named."""
    found = []
    for path in paths:
        try:
            found.append((path, results_file.load(path)))
        except BadResults as error:
            print(f"report: {error} (left out)", file=sys.stderr)
    return sorted(found, key=lambda pair: results_file.moment(pair[1]))


def draw(files):
    """[(machine, sections)], the machine measured last first."""
    machines = {}
    for path, results in files:
        machines.setdefault(results["machine"]["name"], []).append((path, results))
    ordered = sorted(machines.items(), key=lambda pair: results_file.moment(pair[1][-1][1]), reverse=True)
    return [(name, report_sections.sections(own[-1][1], os.path.basename(own[-1][0]), [results for _, results in own])) for name, own in ordered]


def write(path, content):
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(content)
    print(f"Written to {path}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="FILE")
    parser.add_argument("--html", default=os.path.join("out", "report.html"))
    parser.add_argument("--markdown", default=os.path.join("out", "report.md"))
    options = parser.parse_args()
    files = read(options.files or sorted(glob.glob(os.path.join(results_file.RESULTS, "*.json"))))
    if not files:
        sys.exit("report: there is no results file to draw. './build.sh perf' makes one.")
    machines = draw(files)
    write(options.html, as_html(machines))
    write(options.markdown, as_markdown(machines))


if __name__ == "__main__":
    main()
