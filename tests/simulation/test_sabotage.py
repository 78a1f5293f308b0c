"""A check that nothing can fail proves nothing: without any one of the product's rules some seed breaks.

Why each rule is there is told in doc/decisions/ and, as it was found, in the names F1 to F27 that tests carry.
"""

import pytest

from tests.simulation.sabotage import RULES, without
from tests.simulation.verdicts import judged_seed

SEEDS = 500


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_without_it_a_guarantee_breaks(rule: str) -> None:
    with without(rule):
        assert any(judged_seed(seed).broken for seed in range(1, SEEDS + 1))
