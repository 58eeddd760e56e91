"""One simulated mesh: the network, the programs on its nodes, and the record of what they did."""

from __future__ import annotations

import random
from collections.abc import Hashable, Iterable
from functools import partial
from itertools import combinations

from simulator.calm import Calm
from simulator.history import History
from simulator.plan import Plan
from simulator.promises import Promises
from simulator.user import User
from zmqlayer.memory import MemoryClock, MemoryNetwork, MemoryNode

__all__ = ["World"]

AFTERMATH_S = 4.0
"""How long a fault may be felt after its end: connections come back within 2 s, and handshakes follow."""


class World:
    """
    Everything there is in one run.

    Attributes:
        users: The programs that run, or stand still, by host.
        past: Every program that ever ran.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.random = random.Random(plan.seed)
        self.network = MemoryNetwork(plan.seed, plan.delay_s)
        self.history = History()
        self.calm = Calm()
        self.promises = Promises(self.calm)
        self.users: dict[str, User] = {}
        self.past: list[User] = []
        self.parted: dict[tuple[str, str], int] = {}

    @property
    def now(self) -> float:
        """Virtual seconds."""
        return self.network.now

    @property
    def able(self) -> list[User]:
        """The programs that can do anything now."""
        return [user for user in self.users.values() if user.is_able]

    @property
    def alive(self) -> list[MemoryNode]:
        """The nodes that were not killed and do not leave."""
        return [user.node for user in self.users.values() if user.node.is_alive and not user.is_leaving]

    def launch(self, name: str) -> User:
        """Start a program on host *name*."""
        draw, plan = self.random, self.plan
        clock = MemoryClock(1 + plan.drift * draw.uniform(-1, 1), draw.uniform(-500, 500))
        node = self.network.add(name, clock=clock, **dict(plan.settings))
        user = User(self.network, node, pace_s=draw.choice((0.002, 0.01, 0.05, 0.4)))
        self.users[name] = user
        self.past.append(user)
        self.history.note("launch", name, node.node_id)
        user.open_channel()
        if draw.random() < 0.6:
            user.read_jobs(self.some_jobs())
        self._look(user)
        return user

    def some_jobs(self) -> tuple[str, ...]:
        """Return named channels that a reader may read together."""
        return self.random.choice((("jobs",), ("jobs",), ("jobs", "mail"), ("mail",), ("quiet", "jobs")))

    def some_user(self) -> User | None:
        """Return any program that can act."""
        able = self.able
        return self.random.choice(able) if able else None

    def some_pair(self) -> tuple[User, User] | None:
        """Return two programs whose nodes live."""
        alive = [user for user in self.users.values() if user.node.is_alive]
        if len(alive) < 2:
            return None
        one, two = self.random.sample(alive, 2)
        return one, two

    def some_channel(self) -> tuple[User, str] | None:
        """Return a process channel, perhaps of a program that is dead."""
        for _ in range(4):
            user = self.random.choice(self.past[-2 * len(self.users) :])
            if user.channels:
                return user, self.random.choice(user.channels)
        return None

    # Troubles

    def trouble(self, keys: Iterable[Hashable], seconds: float) -> None:
        """Hosts or pairs of them are in trouble for so long, and a while after it."""
        keys = list(keys)
        self.calm.begin(keys)
        self.promises.void()
        self.network.after(seconds + AFTERMATH_S, lambda: self.calm.end(keys, self.now))

    def part(self, a: MemoryNode, b: MemoryNode, *, is_one_way: bool) -> None:
        """Part two nodes, once more."""
        key = (a.name, b.name)
        self.parted[key] = self.parted.get(key, 0) + 1
        self.network.partition(a, b, is_one_way=is_one_way)

    def heal(self, a: MemoryNode, b: MemoryNode) -> None:
        """End one partition; others may hold still."""
        key = (a.name, b.name)
        self.parted[key] = self.parted.get(key, 0) - 1
        if self.parted[key] <= 0:
            self.network.heal(a, b)

    def heal_all(self) -> None:
        """End everything that keeps nodes apart or still."""
        for user in self.users.values():
            self.network.resume(user.node)
        for one, two in combinations(self.users.values(), 2):
            self.network.heal(one.node, two.node)

    # Reading

    def look(self, user: User) -> None:
        """Let a program read all that it can."""
        for channel, message in user.read():
            self.history.arrived(channel, message, self.promises.pay)

    def _look(self, user: User) -> None:
        if not user.node.is_alive:
            return
        if user.is_able:
            self.look(user)
        self.network.after(user.pace_s * self.random.uniform(0.5, 1.5), partial(self._look, user))
