"""A Wasserstein GAN's critic against the exact potential, and its loss against W₁."""

import jax
import jax.numpy as jnp
import numpy as np

import divlab
from divlab import figures
from divlab.explore import trainer
from divlab.explore.base import menu, number
from divlab.explore.panels import DensityPanel, LinesPanel, learned_at
from divlab.explore.trainer import Trainer

_OBJECTIVES = ("wgan_gp", "wgan", "cramer")


@jax.jit
def _look(model, params, learned, x):
    return model.critic(params, x), learned.distribution.cdf(x)


def potential(x, target_cdf, learned_cdf) -> np.ndarray:
    """The 1-Lipschitz f that maximises E_p f - E_{p_G} f: its slope is the sign of G - F."""
    difference = learned_cdf - target_cdf
    slope = np.where(np.abs(difference) > 1e-6, np.sign(difference), 0.0)
    steps = (slope[1:] + slope[:-1]) / 2 * np.diff(x)
    return np.concatenate([[0.0], np.cumsum(steps)])


class WassersteinGan(Trainer):
    """Train a Wasserstein GAN and compare its critic with the exact potential of W₁.

    Left the target and what the generator has learned. In the middle the critic, in units of its
    own steepest slope, and the exact potential, whose slope is ±1; both are 0 on average over the
    target. Right the exact W₁ along training and what the critic's loss says of it.

    `controls`: `separation`, `scale`, `objective`, `seed`, `train`, `one_step`, `rewind`, `step`.
    `result`: `wasserstein` and `js`, exact; `critic_estimate`, E_p f - E_{p_G} f of the critic f as
    it is; `steepest`, the critic's largest slope over the target and the generator; `agreement`,
    the share of E_p f - E_{p_G} f that f, divided by that slope, gets of W₁.

    Args:
        target: None for two Gaussians with sliders, else samples or a distribution to learn.

    Example:
        >>> import divlab
        >>> found = divlab.explore.wasserstein_gan().result
        >>> bool(found["agreement"] <= 1.01)
        True
    """

    along_every = 4

    def __init__(self, target=None):
        figure, (left, middle, right) = figures.new_figure(3, height=3.9)
        self._density = DensityPanel(left, "Target and generator", figures.OTHER, name="$p_G$")
        figures.legend(left, loc="upper right")
        figures.label(middle, title="Critics", x="$x$", y="units of $x$")
        (self._exact,) = middle.plot([], [], color=figures.DATA, label="exact potential")
        (self._critic,) = middle.plot([], [], "--", color=figures.OTHER, label="critic / slope")
        figures.legend(middle, loc="upper center")
        self._middle = middle
        names = {"wasserstein": "$W_1$, exact", "critic_estimate": "by the critic's loss"}
        self._panel = LinesPanel(
            right, r"$W_1$ along training", "units of $x$", names, trainer.STEPS
        )
        super().__init__(target, {"objective": menu("Objective", _OBJECTIVES)}, figure)

    def models(self, values):
        return {"gan": divlab.GAN(values["objective"])}

    def along(self, run, step):
        return {"wasserstein": self.measure(run, step)["wasserstein"]}

    def look(self, runs, learned, step, values):
        run, x, density = runs["gan"], self.prepared["x"], self.prepared["density"]
        critic, learned_cdf = (
            np.asarray(a, float)
            for a in _look(
                run.model, run.params_at(step), learned_at(run, step), jnp.asarray(x, float)
            )
        )
        width = x[1] - x[0]
        target_cdf = np.cumsum(density) * width
        target_cdf /= target_cdf[-1]
        exact = potential(x, target_cdf, learned_cdf)
        learned_mass = np.diff(learned_cdf, prepend=0.0)
        target_mass = np.diff(target_cdf, prepend=0.0)
        seen = (target_mass + learned_mass) > 1e-6
        steepest = float(np.abs(np.gradient(critic, x))[seen].max())
        estimate = float(critic @ target_mass - critic @ (learned_mass / learned_mass.sum()))
        found = self.measure(run, step, values["seed"])
        unit = critic / max(steepest, 1e-9)
        agreement = estimate / max(steepest, 1e-9) / max(found["wasserstein"], 1e-9)
        losses = -run.history["critic_loss"]
        return {name: found[name] for name in ("js", "kl", "wasserstein")} | {
            "critic_estimate": estimate,
            "steepest": steepest,
            "agreement": agreement,
        }, {
            "exact": exact - exact @ target_mass,
            "critic": unit - unit @ target_mass,
            "along": {
                **self.curves(),
                "critic_estimate": (run.steps, np.clip(losses, -1e3, 1e3)),
            },
        }

    def draw(self, values, result, arrays):
        x = arrays["x"]
        self._density.show(x, arrays["density"], *arrays["gan"])
        self._exact.set_data(x, arrays["exact"])
        self._critic.set_data(x, arrays["critic"])
        reach = figures.ceiling(1.5 * float(np.abs(arrays["exact"]).max()))
        self._middle.set_xlim(x[0], x[-1])
        self._middle.set_ylim(-reach, reach)
        self._panel.show(arrays["along"], values["step"])

    def caption(self, values, result):
        texts = {name: number(value) for name, value in result.items()}
        return (
            f"Step {values['step']}{self.trained()}: W₁ is {texts['wasserstein']}; the critic "
            f"finds a difference of {texts['critic_estimate']} at a steepest slope of "
            f"{texts['steepest']}, {100 * result['agreement']:.0f} % of W₁ in units of that slope."
        )
