"""All relays, by name, and which of them are here."""

import peers
import relay

KINDS = (relay.Direct, relay.Mctd, relay.MctdSpin, relay.MctdTwo,
         peers.Haproxy, peers.HaproxyLarge, peers.HaproxySplice,
         peers.Nginx, peers.NginxMiddle, peers.NginxLarge,
         peers.NginxDgram, peers.Socat, peers.Proxyd, peers.Rinetd,
         peers.Loop, peers.LoopGroups)
NAMES = [kind.name for kind in KINDS]


def choose(only, tmp, build):
    """Those that can be measured, and of the others (name, why)."""
    kinds, left_out = [], []
    for kind in KINDS:
        if only and kind.name not in only:
            continue
        why = kind.missing(tmp, build)
        if why:
            left_out.append((kind.name, why))
        else:
            kinds.append(kind)
    return kinds, left_out


def suited(kinds, scenario, only):
    """Those that can carry a scenario, and are meant for it or asked for
    by name."""
    return [kind for kind in kinds
            if kind.carries(scenario.services) and
            scenario.role in (None, kind.role) and
            (only or kind.only_for is None or
             scenario.name in kind.only_for)]
