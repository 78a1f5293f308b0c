"""Reading many where reading costs little: one after another."""

from collections.abc import Iterable, Iterator, Sequence

from elastic.errors import BadMessage, NotFound
from elastic.model.domain import DomainKey
from elastic.model.view import View


class OneByOne:
    def domains(self, partition: int) -> Sequence[DomainKey]:
        raise NotImplementedError

    def view(self, key: DomainKey) -> View:
        raise NotImplementedError

    def domains_of(self, partitions: Iterable[int]) -> Sequence[DomainKey]:
        return [key for partition in partitions for key in self.domains(partition)]

    def views(self, keys: Iterable[DomainKey]) -> Iterator[tuple[DomainKey, View | NotFound | BadMessage]]:
        for key in keys:
            yield key, self._looked_at(key)

    def _looked_at(self, key: DomainKey) -> View | NotFound | BadMessage:
        try:
            return self.view(key)
        except (NotFound, BadMessage) as error:
            return error
