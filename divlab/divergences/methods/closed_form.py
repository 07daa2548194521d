"""The method "closed_form": a formula for these very types of distributions."""

from divlab.divergences import closed_form
from divlab.divergences.methods.base import OfDistributions
from divlab.pytrees import pytree


@pytree
class ClosedForm(OfDistributions):
    """A formula for these types of distributions, exact to rounding."""

    name = "closed_form"

    @classmethod
    def exists(cls, family, p, q):
        return closed_form.find(family.formulas, p.distribution, q.distribution) is not None

    def f_divergence(self, family, p, q, names):
        formula = closed_form.find(family.formulas, p.distribution, q.distribution)
        return closed_form.run(formula, p, q, **vars(family))
