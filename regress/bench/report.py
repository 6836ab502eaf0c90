"""Collects the figures of all rounds and prints them."""

import statistics

#    name, title, format, whether it is set against direct
FIGURES = (
    ("bulk", "TCP bulk, one stream, GB/s", "%.2f", True),
    ("bulk-cpu", "  processor seconds of the relay a GB", "%.3f", False),
    ("pingpong-p50", "TCP 64 bytes to and fro, one core, us", "%.1f", True),
    ("pingpong-p99", "  the slowest 1 % take longer than, us", "%.1f", True),
    ("connect", "TCP connections a second, 64 at a time", "%.0f", True),
    ("idle", "Memory of a further idle session, KiB (PSS)", "%.2f", False),
    ("memory", "Memory before that, MiB (PSS, all processes)", "%.1f",
     False),
    ("dgram", "64-byte datagrams delivered a second", "%.0f", True),
)


class Results:
    def __init__(self, names):
        self.names = names
        self.values = {}

    def add(self, name, figure, value):
        self.values.setdefault((name, figure), []).append(value)

    def print(self, rounds):
        print("Medians of %d rounds; 5,000 idle sessions (socat: 200)"
              % rounds)
        for figure, title, form, compare in FIGURES:
            print("\n%-28s %9s %9s %9s%s" % (
                title if len(title) < 28 else title + "\n" + 28 * " ",
                "median", "min", "max", "  / direct" if compare else ""))
            for name in self.names:
                self.print_line(name, figure, form, compare)

    def print_line(self, name, figure, form, compare):
        values = self.values.get((name, figure))
        if not values:
            return
        median = statistics.median(values)
        line = "  %-26s" % name + "".join(
            " %9s" % (form % value)
            for value in (median, min(values), max(values)))
        direct = self.values.get(("direct", figure))
        if compare and direct:
            line += "  %8.2f" % (median / statistics.median(direct))
        print(line)
