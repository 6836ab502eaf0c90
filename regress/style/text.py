"""Rules of single files: sizes, blanks, functions, words."""

import ast
import re

LONGEST_FILE = 600
LONGEST_FUNCTION = 60
WIDEST = 80
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME)\b")
TYPEDEF = re.compile(r"^\s*typedef\s+(struct|union)\b")
SPACES = re.compile(r"^\t* {8}")
OTHER_BLOCK = re.compile(r"(^(struct|union|enum|extern)\b[^()]*$)|=\s*$|^%")


def is_c(path):
    return path.endswith((".c", ".h", ".y"))


def is_python(path, content):
    return path.endswith(".py") or content.startswith("#!/usr/bin/python3")


def is_code(path, content):
    return is_c(path) or content.startswith("#!") or \
        path.endswith((".py", ".sh"))


def check(path, content):
    """The findings in one file, as lines to print."""
    found = []

    def say(line, what):
        found.append("%s:%d: %s" % (path, line, what))

    lines = content.split("\n")
    if lines[-1] != "":
        say(len(lines), "no newline at the end")
    if len(lines) - 1 > LONGEST_FILE:
        say(len(lines) - 1, "more than %d lines" % LONGEST_FILE)
    for number, line in enumerate(lines, 1):
        if len(line.expandtabs(8)) > WIDEST:
            say(number, "more than %d columns" % WIDEST)
        if line != line.rstrip():
            say(number, "blanks at the end")
        if UNFINISHED.search(line):
            say(number, "unfinished")
    if is_c(path):
        check_c(lines, path, say)
    elif is_python(path, content):
        check_python(content, say)
    elif is_code(path, content):
        check_functions(lines, r"^(\w+)\(\)\s*\{$", say)
    return found


def check_c(lines, path, say):
    if path.endswith((".c", ".h")) and not lines[0].startswith("/*"):
        say(1, "does not begin with a comment that says what it is for")
    for number, line in enumerate(lines, 1):
        if TYPEDEF.match(line):
            say(number, "typedef of a struct")
        if SPACES.match(line):
            say(number, "eight spaces where a tab belongs")
        if line == "{":
            check_c_function(lines, number, say)


def check_c_function(lines, opening, say):
    """The block that opens in a line of its own: is it a function?"""
    above = opening - 1
    while above > 0 and re.match(r"[\s/]|$", lines[above - 1]):
        above -= 1
    head = lines[above - 1]
    if OTHER_BLOCK.search(head):
        return
    if not re.match(r"\w+\(", head):
        say(above, "the return type belongs on a line of its own")
    for number in range(opening, len(lines)):
        if lines[number].startswith("}"):
            size = number - opening + 2
            if size > LONGEST_FUNCTION:
                say(opening, "a function of %d lines" % size)
            return


def check_python(content, say):
    try:
        tree = ast.parse(content)
    except SyntaxError as error:
        say(error.lineno or 1, error.msg)
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            size = node.end_lineno - node.lineno + 1
            if size > LONGEST_FUNCTION:
                say(node.lineno, "a function of %d lines" % size)


def check_functions(lines, head, say):
    """Shell: from the head to the first brace in column one."""
    opened = 0
    for number, line in enumerate(lines, 1):
        if re.match(head, line):
            opened = number
        elif line == "}" and opened:
            if number - opened + 1 > LONGEST_FUNCTION:
                say(opened, "a function of %d lines" % (number - opened + 1))
            opened = 0
