"""Collects the figures of all rounds and prints them."""

import json
import statistics

median = statistics.median


class Results:
    """Values by scenario, relay and figure: one for each round, None in
    those that failed."""

    def __init__(self, rounds):
        self.rounds = rounds
        self.values = {}
        self.failed = []

    def add(self, scenario, kind, number, pairs):
        for figure, value in pairs:
            of_figure = self.values.setdefault(scenario.name, {}) \
                .setdefault(figure, {})
            of_figure.setdefault(kind.name, [None] * self.rounds)[
                number] = value

    def fail(self, scenario, kind, error):
        self.failed.append((scenario.name, kind, error))

    def of(self, scenario, figure):
        """The values by relay."""
        return self.values.get(scenario.name, {}).get(figure, {})

    def save(self, path):
        with open(path, "w") as stream:
            json.dump({"rounds": self.rounds, "values": self.values},
                      stream, indent=1)


def there(values):
    return [value for value in values or () if value is not None]


def print_scenario(results, scenario):
    """A block for each figure; what the processor spent for the first
    stands beside that."""
    print("\n%s: %s" % (scenario.name, scenario.title))
    found = {figure.name: figure for figure in scenario.figures}
    cpu = found.get("cpu")
    for figure in scenario.figures:
        values = results.of(scenario, figure.name)
        if figure is cpu or not values:
            continue
        line = "  %-17s%8s %8s %8s %8s" % (
            figure.title, "median", "min", "max",
            "/direct" if there(values.get("direct")) else "")
        if figure is scenario.figures[0] and cpu:
            line += " %12s %6s %6s" % (cpu.title, "min", "max")
        print(line.rstrip())
        for name in values:
            line = line_of(name, figure, values)
            if figure is scenario.figures[0] and cpu:
                spent = there(results.of(scenario, "cpu").get(name))
                line += " %12s %6s %6s" % three(cpu, spent)
            print(line.rstrip())


def three(figure, values):
    """Median, least and most as they are printed."""
    if not values:
        return "", "", ""
    return tuple(figure.form % value
                 for value in (median(values), min(values), max(values)))


def line_of(name, figure, values):
    mine, direct = there(values[name]), there(values.get("direct"))
    line = "    %-15s%8s %8s %8s" % ((name,) + three(figure, mine))
    return line + " %8s" % ("%.2f" % (median(mine) / median(direct))
                            if direct and median(direct) else "")


def best(figure, values, names):
    """Who of these has the best median, or None."""
    found = [(median(there(values[name])), name) for name in names
             if there(values.get(name))]
    if not found:
        return None
    return (max if figure.better == "more" else min)(found)[1]


def print_against(results, scenarios, kinds):
    """Ours against the best of the others, figure by figure.  What the
    processor spends is set against who is best at the rate as well."""
    ours = [kind.name for kind in kinds if kind.role == "ours"]
    peers = [kind.name for kind in kinds if kind.role == "peer"]
    limits = [kind.name for kind in kinds if kind.role == "limit"]
    if not ours or len(ours) + len(peers) + len(limits) < 2:
        return
    print("\nOurs against others, in the same run: median is the ratio of "
          "the medians,\nrounds the median of the ratios round by round, "
          "ahead in how many rounds\nours was the better one.")
    ours = [kind.name for kind in kinds if kind.role == "ours"]
    peers = [kind.name for kind in kinds if kind.role == "peer"]
    for name in ours:
        print_one_against(results, scenarios, name, peers, "best peer")
    for name in ours:
        for limit in limits:
            print_one_against(results, scenarios, name, [limit], "limit")
    for name in ours:
        if name != "mctd":
            print_one_against(results, scenarios, name, ["mctd"], "mctd")


def print_one_against(results, scenarios, name, others, whom):
    lines = [line for scenario in scenarios
             for line in against(results, scenario, name, others)]
    if not lines:
        return
    print("\n%-24s%9s %9s %-14s %6s %6s %6s" % (
        "", name, "", whom, "median", "rounds", "ahead"))
    print("\n".join(lines))


def against(results, scenario, name, others):
    fastest = None
    for figure in scenario.figures:
        values = results.of(scenario, figure.name)
        if figure.better is None or not there(values.get(name)):
            continue
        other = best(figure, values, others)
        fastest = fastest or other
        two = (fastest, other) if figure.name == "cpu" else (other,)
        for one in dict.fromkeys(two):
            if there(values.get(one)):
                yield "%-16s%-8s" % (scenario.name, figure.name) + \
                    line_against(figure, values, name, one)


def line_against(figure, values, name, other):
    """A round counts when both have a value in it."""
    pairs = [(mine, theirs)
             for mine, theirs in zip(values[name], values[other])
             if mine is not None and theirs is not None]
    ahead = sum(1 for mine, theirs in pairs
                if (mine > theirs if figure.better == "more"
                    else mine < theirs))
    mine, theirs = median(there(values[name])), median(there(values[other]))
    ratios = [a / b for a, b in pairs if b]
    return "%9s %9s %-14s %6s %6s %6s" % (
        figure.form % mine, figure.form % theirs, other,
        "%.2f" % (mine / theirs) if theirs else "",
        "%.2f" % median(ratios) if ratios else "",
        "%d/%d" % (ahead, len(pairs)))
