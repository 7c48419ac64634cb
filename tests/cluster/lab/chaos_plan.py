"""What is done to a cluster, and when: all of it follows from the seed. Pure, so that a plan can be shown without a cluster."""

import dataclasses
import random

WORKERS = ("one", "two")
MASTERS = ("master", "standby")
CLIENT = "driver"

# kind: (weight, who, seconds that it lasts; None: nothing is healed afterwards)
FAULTS = {
    "kill master": (3, MASTERS, (0.2, 4)),
    "end master": (1, MASTERS, (0.2, 3)),
    "stop master": (2, MASTERS, (0.5, 6)),
    "kill worker": (2, WORKERS, (0.2, 4)),
    "end worker": (1, WORKERS, (0.2, 2)),
    "stop worker": (1, WORKERS, (0.5, 4)),
    "kill executor": (4, ("any",), None),
    "stop executor": (2, ("any",), (0.5, 8)),
    "kill client": (1, ("any",), None),
    "kill launcher": (2, ("any",), None),
    "kill cluster driver": (2, ("any",), None),
    "kill by request": (1, ("any",), None),
}
LINK_FAULTS = {
    "cut": (2, (*MASTERS, *WORKERS, CLIENT), (0.5, 6)),
    "cut incoming": (1, (*MASTERS, *WORKERS, CLIENT), (0.5, 6)),
    "cut outgoing": (1, (*MASTERS, *WORKERS, CLIENT), (0.5, 6)),
    "delay": (2, (*WORKERS, CLIENT), (1, 5)),
    "stall": (2, (*WORKERS, CLIENT), (0.5, 2.5)),
    "drip": (1, (*WORKERS, CLIENT), (1, 3)),
    "reset": (2, (*WORKERS, CLIENT), None),
}
JOBS = {"client tour": 4, "client words": 2, "client sort": 2, "cluster tour": 3, "cluster failing": 1, "launched tour": 2, "launched words": 1}


@dataclasses.dataclass
class Step:
    at: float  # seconds after the begin of the episode
    what: str
    who: str = ""
    lasts: float | None = None
    number: int = 0  # chooses one of those that are there, and parameters

    def text(self):
        lasts = "" if self.lasts is None else f" for {self.lasts:.1f} s"
        return f"{self.at:5.1f} s  {self.what}{' ' + self.who if self.who else ''}{lasts}"


def plan(seed, episode, isolated):
    """The steps of one episode, in the order of time: faults and jobs. Each episode depends on nothing but its own number."""
    numbers = random.Random(f"{seed}/{episode}")
    kinds = dict(FAULTS, **(LINK_FAULTS if isolated else {}))
    # A swarm: not everything is on in every episode, so that kinds come in all combinations.
    on = {kind: what for kind, what in kinds.items() if numbers.random() < 0.5} or kinds
    length = numbers.uniform(10, 20)
    steps = []
    at = 1.0
    while at < length:
        kind = numbers.choices(list(on), [what[0] for what in on.values()])[0]
        _, who, lasts = on[kind]
        steps.append(Step(at, kind, numbers.choice(who), lasts and numbers.uniform(*lasts), numbers.randrange(1 << 30)))
        at += numbers.expovariate(1 / 1.5)
    at = 0.0
    while at < length:
        steps.append(Step(at, "submit " + numbers.choices(list(JOBS), JOBS.values())[0], number=numbers.randrange(1 << 30)))
        at += numbers.uniform(2, 5)
    return sorted(steps, key=lambda step: step.at)
