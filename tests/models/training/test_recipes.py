"""A recipe for every network."""

import pytest

from models.catalog import ARCHITECTURES, EXTRAS
from models.training import recipes


@pytest.mark.parametrize("kind", [*recipes.KINDS])
@pytest.mark.parametrize("name", [*ARCHITECTURES, *EXTRAS, "an eighth"])
def test_every_network_has_a_recipe_that_is_sound(name, kind):
    recipe = recipes.choose(name, kind)
    assert sum(phase.share for phase in recipe.phases) == pytest.approx(1)
    assert (recipe.epochs is None) != (recipe.minutes is None)
    assert recipe.phases[-1].size is None, "the last phase is at the network's own size"
    assert recipe.phases[-1].head != "pooled"
