"""Numbers and sections as people read them: text and Markdown; progress on a terminal."""

import statistics
import sys


def median_ratio(ours, theirs):
    return statistics.median(a / b for a, b in zip(ours, theirs))


def short(rate):
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if rate >= size:
            return f"{rate / size:.3g}{unit}" if rate < 999.5 * size else f"{rate / size:.0f}{unit}"
    return f"{rate:.0f}"


def percent(share):
    return f"{100 * share:.0f} %"


def met(good):
    return "met" if good else "not met"


def progress(text):
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K" + text)
        sys.stderr.flush()


def wrap(text, width=79):
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) + 1 > width:
            lines.append("")
        lines[-1] += (" " if lines[-1] else "") + word
    return lines


def as_text(section):
    table = [section["header"]] + section["rows"]
    widths = [max(len(row[i]) for row in table) for i in range(len(section["header"]))]
    lines = ["", section["title"]] + (wrap(section["about"]) if section["about"] else [])
    for row in table:
        cells = [row[0].ljust(widths[0])] + [c.rjust(w) for c, w in zip(row[1:], widths[1:])]
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines)


def as_markdown(section):
    lines = ["", f"## {section['title']}", ""]
    if section["about"]:
        lines += wrap(section["about"]) + [""]
    lines.append("| " + " | ".join(section["header"]) + " |")
    lines.append("|---" + "|---:" * (len(section["header"]) - 1) + "|")
    lines += ["| " + " | ".join(cell.strip() for cell in row) + " |" for row in section["rows"]]
    return "\n".join(lines)
