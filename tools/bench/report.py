"""What the run leaves behind: the heading, the JSON file, the Markdown page."""

import json
import os

from render import as_markdown, percent, wrap


def heading(about, bench):
    """What a table of results says about where and how they came to be."""
    versions = ", ".join(f"{name} {version}" for name, version in bench.versions.items())
    libraries = sorted({name for names in bench.blas.values() for name in names})
    options = bench.options
    lines = [
        f"processor   {about['cpu']}, {about['cores']} cores, {' '.join(about['vectors'])}",
        f"system      {about['system']}",
        f"others      other programs took {percent(about['others'])} of the cores meanwhile",
        f"program     {'; '.join(about['shardprop'])}",
        f"peers       {versions or 'none'}",
        f"their BLAS  {' '.join(libraries) or 'none'}",
        f"measured    {about['threads']} threads; {options.repetitions} times in turn, "
        f"{options.seconds:g} s each; {about['date']}, {about['minutes']:.0f} minutes",
    ]
    told = []
    for line in lines:
        first, *more = wrap(line[12:], 67)
        told += [line[:12] + first] + [" " * 12 + text for text in more]
    return told


def write(path, text):
    folder = os.path.dirname(path)
    if folder:
        os.makedirs(folder, exist_ok=True)
    with open(path + ".new", "w") as stream:
        stream.write(text)
    os.replace(path + ".new", path)


def leave(about, bench):
    """Prints the heading; writes the files that the options ask for."""
    options = bench.options
    lines = heading(about, bench)
    print("\n" + "\n".join(lines))
    chosen = {key: getattr(options, key) for key in ("quick", "repetitions", "seconds", "only")}
    chosen["threads"] = options.threads
    result = dict(
        machine=about,
        options=chosen,
        versions=bench.versions,
        blas=bench.blas,
        wait_policies={" ".join(map(str, k)): v or "default" for k, v in bench.policies.items()},
        notes=bench.notes,
        sections=bench.sections,
    )
    write(options.json, json.dumps(result, indent=1) + "\n")
    if options.markdown:
        text = "# Results of the last run\n\nWritten by `tools/bench/run`; README.md beside this "
        text += "file says what is measured and how.\n\n```\n" + "\n".join(lines) + "\n```\n"
        text += "\n".join(map(as_markdown, bench.sections)) + "\n"
        if bench.notes:
            text += "\n## Notes\n\n" + "\n".join(f"- {note}" for note in bench.notes) + "\n"
        write(options.markdown, text)
