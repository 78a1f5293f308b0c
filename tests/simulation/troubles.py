"""How each kind of trouble befalls the world; what ends by itself plans its end."""

from tests.simulation.befalling.clients import Clients
from tests.simulation.befalling.ends import Ends
from tests.simulation.befalling.lines import Lines
from tests.simulation.befalling.members import Members
from tests.simulation.befalling.parts import Parts
from tests.simulation.befalling.policies import Policies
from tests.simulation.befalling.servers import Servers
from tests.simulation.befalling.vms import Vms
from tests.simulation.ledger import Ledger
from tests.simulation.schedule import Trouble
from tests.simulation.world import World


class Troubles:
    """A kind of trouble is the name of a method of one of these families."""

    def __init__(self, world: World, ledger: Ledger) -> None:
        self._world, self._ends = world, Ends(world.kernel)
        self.clients, self.policies = Clients(world, ledger), Policies(world, self._ends, ledger)
        self._families = (
            Members(world, self._ends),
            Lines(world, self._ends),
            Servers(world, self._ends),
            Vms(world, self._ends, ledger),
            Parts(world, ledger),
            self.policies,
            self.clients,
        )

    def befall(self, trouble: Trouble) -> None:
        family = next(family for family in self._families if hasattr(family, trouble.kind))
        getattr(family, trouble.kind)(trouble)

    def make_peace(self) -> None:
        """All that would end by itself ends now, and whoever is dead comes back."""
        self._ends.all_now()
        for name, replica in tuple(self._world.replicas.items()):
            replica.process.fuse = replica.bus.on_mutation = None
            replica.process.thaw()
            self._world.restart(name)
        if self._world.source.keeps_time:  # who is far from its time is told of old or future things for ever
            for clock in self._world.clocks.values():
                clock.ahead = 0.0
        self._world.say("peace")
