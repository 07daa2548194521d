"""What a model minimises: one small dataclass per objective, with its own optimiser defaults.

The two tables name them. A new objective is a dataclass in one of the files here, and a row.
"""

from divlab.divergences import families
from divlab.models.objectives.adversarial import Adversarial, Batch
from divlab.models.objectives.classifiers import (
    FGAN,
    R1,
    VEEGAN,
    Hinge,
    LeastSquares,
    Minibatch,
    Minimax,
    NonSaturating,
    Unrolled,
)
from divlab.models.objectives.distances import MMD, Cramer, Wasserstein, WassersteinGP
from divlab.models.objectives.variational import (
    ELBO,
    IWAE,
    Autoencoder,
    BetaELBO,
    InfoVAE,
    MixturePrior,
    Prior,
    Variational,
)

GAN_OBJECTIVES = {
    "minimax": Minimax(),
    "non_saturating": NonSaturating(),
    "least_squares": LeastSquares(),
    "hinge": Hinge(),
    "wgan": Wasserstein(),
    "wgan_gp": WassersteinGP(),
    "f_gan_kl": FGAN(family=families.kl),
    "f_gan_reverse_kl": FGAN(family=families.reverse_kl),
    "f_gan_js": FGAN(family=families.js),
    "f_gan_pearson": FGAN(family=families.pearson),
    "f_gan_hellinger": FGAN(family=families.hellinger),
    "mmd": MMD(),
    "cramer": Cramer(),
    "unrolled": Unrolled(),
    "r1": R1(),
    "minibatch": Minibatch(),
    "veegan": VEEGAN(),
}

VAE_OBJECTIVES = {
    "elbo": ELBO(),
    "beta": BetaELBO(),
    "iwae": IWAE(),
    "info": InfoVAE(),
    "mixture_prior": MixturePrior(),
}

__all__ = [
    "ELBO",
    "FGAN",
    "GAN_OBJECTIVES",
    "IWAE",
    "MMD",
    "R1",
    "VAE_OBJECTIVES",
    "VEEGAN",
    "Adversarial",
    "Autoencoder",
    "Batch",
    "BetaELBO",
    "Cramer",
    "Hinge",
    "InfoVAE",
    "LeastSquares",
    "Minibatch",
    "Minimax",
    "MixturePrior",
    "NonSaturating",
    "Prior",
    "Unrolled",
    "Variational",
    "Wasserstein",
    "WassersteinGP",
]
