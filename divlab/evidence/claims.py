"""What is measured for every claim of the article, and the verdict that follows.

One function is one claim, which its docstring states. It measures, and derives the verdict from
the numbers, so a number that changes can change the verdict. What takes seconds is measured at each
call; rates over many seeds are those of the stored tables.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
from numpyro.distributions import Normal, Uniform

from divlab.divergences import cross_entropy, entropy, js, kl, reverse_kl, wasserstein
from divlab.evidence.costs import arrivals
from divlab.evidence.games import generator_gradient, losses_at_best_critic
from divlab.evidence.recipes import stored
from divlab.evidence.summaries import summary
from divlab.targets import two_gaussians

HOLDS, HOLDS_IF, FAILS = "holds", "holds if", "does not hold"
GAMES = ("non_saturating", "wgan_gp", "cramer")  # those whose steps were counted


class Finding(NamedTuple):
    """What one row says.

    Attributes:
        measured: the numbers, with their units.
        verdict: `HOLDS`, `HOLDS_IF` or `FAILS`.
        remark: after "holds if" the condition, after "does not hold" what is true instead.
    """

    measured: str
    verdict: str
    remark: str = ""


def nll_is_kl_plus_a_constant() -> Finding:
    """NLL = KL(data‖model) + const."""
    data, model = two_gaussians(4.0, 0.5), Normal(1.0, 1.5)
    nll, own = float(cross_entropy(data, model)), float(entropy(data))
    apart = float(kl(data, model))
    text = f"NLL {nll:.4f} = KL {apart:.4f} + entropy {own:.4f} nats"
    return Finding(text, HOLDS if abs(nll - apart - own) < 1e-4 else FAILS)


def js_is_symmetric_and_bounded() -> Finding:
    """KL is asymmetric; JS is symmetric and bounded."""
    p, q = Normal(0.0, 1.0), Normal(1.0, 2.0)
    forward, backward = float(kl(p, q)), float(reverse_kl(p, q))
    both = float(js(p, q)), float(js(q, p))
    largest = float(js(p, Normal(40.0, 1.0)))
    text = f"KL {forward:.4f} and {backward:.4f}; JS {both[0]:.4f} and {both[1]:.4f}; "
    text += f"JS of Gaussians 40 apart {largest:.4f} nats"
    symmetric = abs(both[0] - both[1]) < 1e-6 < abs(forward - backward)
    return Finding(text, HOLDS if symmetric and largest < math.log(2) + 1e-6 else FAILS)


def kl_covers_and_reverse_kl_seeks() -> Finding:
    """KL covers the data; the reverse KL seeks a mode."""
    data, wide, narrow = two_gaussians(6.0, 0.5), Normal(0.0, 9.25**0.5), Normal(3.0, 0.5)
    forward = [float(kl(data, model)) for model in (wide, narrow)]
    backward = [float(reverse_kl(data, model)) for model in (wide, narrow)]
    text = f"KL: {forward[0]:.2f} nats for a Gaussian over both modes, {forward[1]:.2f} for one on "
    text += f"one mode; reverse KL: {backward[0]:.2f} and {backward[1]:.2f}"
    holds = forward[0] < forward[1] and backward[1] < backward[0]
    return Finding(text, HOLDS if holds else FAILS)


def no_overlap() -> Finding:
    """Without overlap KL is infinite and JS is log 2."""
    p, q = Uniform(0.0, 1.0), Uniform(2.0, 3.0)
    infinite, bound = float(kl(p, q)), float(js(p, q))
    text = f"KL {infinite}, JS {bound:.4f} nats (log 2 = {math.log(2):.4f})"
    holds = math.isinf(infinite) and abs(bound - math.log(2)) < 1e-5
    return Finding(text, HOLDS if holds else FAILS)


def _slopes(separation: float) -> list[float]:
    """Of KL, JS and W₁ in the separation of two Gaussians of scale 1."""

    def slope(divergence: Callable[..., jax.Array]) -> float:
        def at(x: jax.Array) -> jax.Array:
            return divergence(Normal(0.0, 1.0), Normal(x, 1.0))

        return float(jax.grad(at)(separation))

    return [slope(divergence) for divergence in (kl, js, wasserstein)]


def kl_pulls_harder_from_afar() -> Finding:
    """KL has the stronger gradient when distributions are far apart."""
    p = Uniform(0.0, 1.0)
    shifted = [Uniform(shift, shift + 1.0) for shift in (2.0, 3.0)]
    flat = all(math.isinf(float(kl(p, q))) for q in shifted)
    steps = [float(d(p, shifted[1]) - d(p, shifted[0])) for d in (js, wasserstein)]
    near = _slopes(8.0)
    text = f"disjoint, from 2 to 3 apart: KL stays inf, JS changes by {abs(steps[0]):.4f}, "
    text += f"W₁ by {steps[1]:.4f}; Gaussians 8 apart: slopes {near[0]:.2f}, {near[1]:.4f}, "
    text += f"{near[2]:.4f}"
    if flat and abs(steps[0]) < 1e-5 and near[0] > near[2] > near[1]:
        remark = "the densities are positive everywhere; disjoint, KL has no gradient"
        return Finding(text, HOLDS_IF, remark)
    return Finding(text, FAILS)


def js_is_weak_and_wasserstein_is_not() -> Finding:
    """JS gives weak gradients without overlap; Wasserstein stays useful."""
    near, far = _slopes(2.0), _slopes(10.0)
    text = f"slope of JS {near[1]:.4f} at 2 apart and {far[1]:.4f} at 10; of W₁ {near[2]:.4f} "
    text += f"and {far[2]:.4f}"
    return Finding(text, HOLDS if far[1] < 1e-3 and abs(far[2] - 1) < 1e-3 else FAILS)


def vaes_cover_both_modes() -> Finding:
    """A VAE covers both modes; the samples overlap."""
    rates = stored("collapse_rates").sel(model="VAE")
    covered, count = int(rates["covered"].sum()), rates.attrs["seeds"] * rates.sizes["separation"]
    bridge = float(summary(stored("vae_and_gan"))["bridge"].sel(model="VAE")[0])
    text = f"both modes in {covered} of {count} trainings; median mass between the modes "
    text += f"{100 * bridge:.1f} %"
    return Finding(text, HOLDS if covered == count and bridge > 0.01 else FAILS)


def gans_focus_on_one_mode() -> Finding:
    """A GAN on the same data focuses on one mode."""
    rates = stored("collapse_rates").sel(model="GAN")
    lost = (rates.attrs["seeds"] - rates["covered"]).values
    text = f"lost a mode, of {rates.attrs['seeds']} seeds: "
    text += ", ".join(
        f"{int(n)} at {apart:g} apart" for n, apart in zip(lost, rates["separation"], strict=True)
    )
    if float(rates["low"][0]) > float(rates["high"][-1]):
        return Finding(text, HOLDS_IF, "the modes are far apart, and then for a share of the seeds")
    return Finding(text, HOLDS if lost.min() > rates.attrs["seeds"] / 2 else FAILS)


def coverage_against_sharpness() -> Finding:
    """VAE: better coverage, less precise; GAN: sharper, less diverse."""
    found = summary(stored("vae_and_gan")).sel(target="two Gaussians")
    vae, gan = found.sel(model="VAE"), found.sel(model="GAN")
    text = "; ".join(
        f"{name}: both modes in {int(row['covered'])} of {found.attrs['seeds']}, spread inside "
        f"modes {float(row['sharpness']):.2f} of the true one"
        for name, row in (("VAE", vae), ("GAN", gan))
    )
    holds = vae["covered"] > gan["covered"] and vae["sharpness"] > 1 > gan["sharpness"]
    return Finding(text, HOLDS if bool(holds) else FAILS, "the GAN is too narrow, not right")


def divergence_or_game_loses_modes() -> Finding:
    """GANs lose modes because they minimise JS."""
    table = stored("divergences_and_games").sel(separation=8.0)["lost"]
    count = stored("divergences_and_games").attrs["seeds"]
    alone, game = (int(table.sel(divergence="js", player=who)) for who in ("exact", "adversarial"))
    none = [
        str(name)
        for name in table["divergence"].values
        if int(table.sel(divergence=name, player="exact")) == 0
    ]
    text = f"8 apart, of {count} seeds JS lost a mode in {alone} by itself and in {game} as a "
    text += f"game; by themselves {', '.join(none)} lost none"
    return Finding(text, FAILS if alone < game else HOLDS, "the game adds to what JS does")


def kl_blurs() -> Finding:
    """VAEs blur because of KL."""
    found = summary(stored("blur")).squeeze("target")["sharpness"]
    spread = {str(name): float(found.sel(model=name)) for name in found["model"].values}
    text = "spread inside modes over the true one: "
    text += ", ".join(f"{name} {value:.2f}" for name, value in spread.items())
    alone, bound = spread["flow, exact KL"], spread["decoder, ELBO"]
    remark = "KL alone does not, and the decoder's noise hardly; the gap of the bound does"
    return Finding(text, FAILS if alone - 1 < (bound - 1) / 3 else HOLDS, remark)


def nll_is_bounded_by_the_elbo() -> Finding:
    """−log p(x) ≤ −ELBO."""
    gaps = stored("beta_vaes").sel(beta=1.0)["gap"]
    text = f"−ELBO − NLL over {gaps.size} records of {gaps.sizes['seed']} VAEs: from "
    text += f"{float(gaps.min()):.4f} to {float(gaps.max()):.2f} nats"
    return Finding(text, HOLDS if float(gaps.min()) >= 0 else FAILS)


def elbo_is_nll_with_a_regulariser() -> Finding:
    """Maximising the ELBO is minimising the NLL with a regulariser."""
    end = stored("beta_vaes").isel(step=-1).median("seed")
    one, four = end.sel(beta=1.0), end.sel(beta=4.0)
    text = f"KL to the prior {float(one['kl_to_prior']):.2f} nats, but −ELBO is only "
    text += f"{float(one['gap']):.2f} above the NLL; with β = 4 the NLL rises from "
    text += f"{float(one['nll']):.2f} to {float(four['nll']):.2f} nats"
    inside = one["gap"] < one["kl_to_prior"] / 2 and four["nll"] > one["nll"]
    remark = "the KL to the prior is a part of the bound; only β ≠ 1 makes it a regulariser"
    return Finding(text, FAILS if bool(inside) else HOLDS, remark)


def vaes_minimise_kl() -> Finding:
    """VAEs minimise KL(data‖model)."""
    end = stored("beta_vaes").sel(beta=1.0).isel(step=-1).median("seed")
    parts = [float(end[name]) for name in ("kl", "gap", "entropy")]
    text = "−ELBO = KL {:.2f} + gap {:.2f} + entropy {:.2f} nats at the end".format(*parts)
    if parts[1] > 0.1 * parts[0]:
        return Finding(text, HOLDS_IF, "the gap is counted: they minimise KL + gap")
    return Finding(text, HOLDS)


def far_estimates_saturate() -> Finding:
    """(beyond the article) A KL between far distributions can be estimated from samples."""
    table = stored("estimators").sel(divergence="kl", n=1000, estimator="nearest_neighbours")
    far = table.isel(pair=-1)
    truth, mean, spread = (float(far[name]) for name in ("truth", "mean", "standard_deviation"))
    text = f"true KL {truth:.1f} nats; nearest neighbours, 1000 samples: {mean:.1f} ± {spread:.1f} "
    text += f"(log 1000 = {math.log(1000):.1f})"
    return Finding(text, FAILS if mean < 0.7 * truth else HOLDS, "it saturates near log n")


def gans_minimise_js() -> Finding:
    """GAN training minimises JS."""
    moved = {"moved": Normal(2.0, 1.0)}
    best = losses_at_best_critic(Normal(0.0, 1.0), moved, ["minimax"]).squeeze()
    value, bound = -float(best["critic_loss"]), 2 * float(best["js"]) - math.log(4)
    table = stored("games").sel(model="non-saturating")
    short = float((table["best_value"] - table["value"]).median())
    rises = float((table["js"].diff("step") > 0).mean())
    text = f"V(D*, G) = {value:.4f} and 2·JS − log 4 = {bound:.4f} nats; in training V(D, G) is "
    text += f"{short:.2f} below, and JS rises at {100 * rises:.0f} % of the records"
    if abs(value - bound) > 1e-4:
        return Finding(text, FAILS, "the game at D* is another divergence")
    remark = "D is the best one, D*; training is not run there"
    return Finding(text, HOLDS_IF if short > 0.01 else HOLDS, remark)


def the_nlls_kl_is_the_generators_loss() -> Finding:
    """The KL of the NLL is the generator's loss."""
    row = generator_gradient([1.0]).squeeze("separation")
    found, both = float(row["non_saturating"]), float(row["kl"] - 2 * row["js"])
    text = (
        f"N(1, 1) against N(0, 1): slope of L_G {found:.6f}, of KL(p_G‖p) {float(row['kl']):.4f}, "
    )
    text += f"of KL(p_G‖p) − 2·JS {both:.6f}"
    remark = "at D* it moves as the reverse KL does, less twice JS"
    is_other = abs(found - both) < 1e-6 < abs(found - float(row["kl"]))
    return Finding(text, FAILS if is_other else HOLDS, remark)


def wasserstein_gans_are_more_stable() -> Finding:
    """Wasserstein GANs train more stably."""
    rates = stored("wasserstein_rates").sel(separation=8.0)["covered"]
    count = stored("wasserstein_rates").attrs["seeds"]
    text = f"both modes 8 apart, of {count} seeds: "
    text += ", ".join(f"{name} {int(rates.sel(model=name))}" for name in rates["model"].values)
    last = stored("critics").isel(step=-1).median("seed")["wasserstein"]
    good, bad = (float(last.sel(model=name)) for name in ("wgan_gp", "wgan_gp, 10, two-sided"))
    text += (
        f"; W₁ at the end {good:.2f} with the penalty of divlab, {bad:.2f} with that of the paper"
    )
    if int(rates.sel(model="wgan_gp")) <= int(rates.sel(model="non_saturating")):
        return Finding(text, FAILS, "they lose as many modes")
    remark = "the bound on the critic's slope suits the data"
    return Finding(text, HOLDS_IF if bad > 2 * good else HOLDS, remark)


def other_objectives_change_coverage() -> Finding:
    """Other objectives change coverage and stability."""
    found = summary(stored("objective_zoo")).sel(target="two Gaussians")
    covered = found["covered"].to_series().sort_values(kind="stable")
    text = (
        f"both modes, of {found.attrs['seeds']} seeds: from {covered.iloc[0]} ({covered.index[0]}) "
    )
    text += f"to {covered.iloc[-1]} ({int((covered == covered.iloc[-1]).sum())} of {len(covered)} "
    text += "objectives)"
    return Finding(text, HOLDS if covered.iloc[0] < covered.iloc[-1] else FAILS)


def a_divergence_need_not_fall() -> Finding:
    """A divergence need not fall at every step."""
    falls = stored("games").sel(model="non-saturating")["js"].diff("step")
    rising = falls > 0
    text = f"JS rises at {int(rising.sum())} of {rising.size} records, in "
    text += f"{int(rising.any('step').sum())} of {rising.sizes['seed']} trainings of a GAN"
    return Finding(text, HOLDS if bool(rising.any("step").all()) else FAILS)


def cost_is_linear_in_the_width() -> Finding:
    """Cost: VAE O(N·D·H), GAN O(N·D·(H_G + H_D))."""
    slopes = stored("step_costs")["exponent"].sel(quantity="flops", vary="H")
    one, two = (slopes.sel(layers=layers).values for layers in (1, 2))
    text = f"operations grow with H to the power {one.min():.2f}–{one.max():.2f} with one hidden "
    text += f"layer, {two.min():.2f}–{two.max():.2f} with two"
    return Finding(
        text,
        HOLDS_IF if one.max() < 1.1 < two.min() else FAILS,
        "there is one hidden layer; layers between hidden layers add H²",
    )


def gans_cost_more() -> Finding:
    """GANs need more iterations and cost more."""
    median = arrivals(stored("steps_to_bar"))
    text = "until W₁ < 0.3: " + ", ".join(
        f"{name} {float(median['steps'].sel(model=name)):.0f} steps, "
        f"{float(median['flops'].sel(model=name)) / 1e9:.1f}·10⁹ operations"
        for name in median["model"].values
    )
    elbo, games = (median.sel(model=names) for names in ("elbo", list(GAMES)))
    more = {name: bool((games[name] > elbo[name]).all()) for name in ("steps", "flops")}
    if not more["flops"]:
        return Finding(text, FAILS, "they arrive with fewer operations")
    return Finding(text, HOLDS if more["steps"] else HOLDS_IF, "one counts operations, not steps")


def the_divergence_decides() -> Finding:
    """The choice of divergence decides coverage against sharpness."""
    lost = stored("divergences_and_games")["lost"].sel(separation=8.0)
    alone = lost.sel(player="exact")
    game = lost.sel(player="adversarial")
    spread = summary(stored("blur")).squeeze("target")["sharpness"]
    text = (
        f"8 apart, by itself: KL lost a mode in {int(alone.sel(divergence='kl'))}, reverse KL in "
    )
    text += f"{int(alone.sel(divergence='reverse_kl'))} of 64 seeds; KL's game in "
    text += f"{int(game.sel(divergence='kl'))}; spread by exact KL "
    text += f"{float(spread.sel(model='flow, exact KL')):.2f}, by its bound "
    text += f"{float(spread.sel(model='decoder, ELBO')):.2f}"
    if int(alone.sel(divergence="kl")) >= int(alone.sel(divergence="reverse_kl")):
        return Finding(text, FAILS, "KL and the reverse KL lose modes alike")
    others = int(game.sel(divergence="kl")) > int(alone.sel(divergence="kl"))
    others |= float(spread.sel(model="decoder, ELBO") - spread.sel(model="flow, exact KL")) > 0.05
    remark = "nothing else changes: the bound and the game decide as much"
    return Finding(text, HOLDS_IF if others else HOLDS, remark)
