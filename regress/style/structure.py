"""Rules between files: who includes whom, who may call what."""

import os
import re

PROCESSES = ("mctd/parent", "mctd/control", "mctd/engine")

# One file of each may know libevent; in share it is the allocator.
LOOPS = PROCESSES + ("mctd/share",)

# A folder may include from these; regress/ and mctd/main.c from all.
BELOW = {
    "common": ("common",),
    "mctd/share": ("common", "mctd/share"),
    "mctd/conf": ("common", "mctd/share", "mctd/conf", "mctd/sandbox"),
    "mctd/sandbox": ("common", "mctd/share", "mctd/conf", "mctd/sandbox"),
    "libmct": ("common", "libmct"),
    "libmct_conv": ("libmct",),
    "mctctl": ("common", "libmct", "mctctl"),
}
for _process in PROCESSES:
    BELOW[_process] = ("common", "mctd/share", "mctd/conf", "mctd/sandbox",
                       _process)

# What opens a way out is called in these folders alone.
MAY_OPEN = ("mctd/parent/", "libmct/", "regress/")
OPENS = re.compile(r"(?<![\w.>])(socket|bind|connect|accept4?)\s*\(")

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')
LIBEVENT = re.compile(r"^(event\.h|event2/.*)$")
NOT_CODE = re.compile(
    r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)


def code_only(content):
    """Without comments and strings, the lines where they were."""
    return NOT_CODE.sub(lambda m: "\n" * m.group().count("\n"), content)


def folder_of(path):
    """The key of BELOW that a path belongs to, or None."""
    for folder in BELOW:
        if path.startswith(folder + "/"):
            return folder
    return None


def check(sources):
    """The findings in all C sources, as lines to print."""
    found = []
    libevent = {}
    for path, content in sources.items():
        if not path.endswith((".c", ".h", ".y")):
            continue
        for number, line in enumerate(content.split("\n"), 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            where = "%s:%d: " % (path, number)
            if match.group(1) == '"':
                found += [where + what
                          for what in check_include(path, match.group(2))]
            elif LIBEVENT.match(match.group(2)):
                libevent.setdefault(folder_of(path), {})[path] = where
        if not path.startswith(MAY_OPEN):
            found += check_calls(path, content)
    return found + check_libevent(libevent)


def check_include(path, name):
    folder = folder_of(path)
    if folder is None:
        return []
    target = os.path.normpath(os.path.join(os.path.dirname(path), name))
    if "/" not in name and not os.path.exists(target):
        return []  # made by the build
    if folder_of(target) not in BELOW[folder]:
        return ["%s must not include %s" % (folder, target)]
    return []


def check_calls(path, content):
    found = []
    for number, line in enumerate(code_only(content).split("\n"), 1):
        match = OPENS.search(line)
        if match:
            found.append("%s:%d: %s() is for the parent alone" %
                         (path, number, match.group(1)))
    return found


def check_libevent(libevent):
    """One file of each folder includes it, and nobody else."""
    found = []
    for folder, files in libevent.items():
        if folder is None:
            continue
        if folder not in LOOPS:
            found += [where + "libevent belongs to the processes' loops"
                      for where in files.values()]
        elif len(files) > 1:
            found += [where + "a second file of %s with libevent" % folder
                      for where in sorted(files.values())[1:]]
    return found
