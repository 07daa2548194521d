"""Lower bounds on f-divergences between two samples, by a trained critic.

For every critic T, E_P[T] - E_Q[f*(T)] ≤ D_f(P‖Q), with equality at T* = f'(p/q) (Nguyen,
Wainwright & Jordan 2010; Nowozin, Cseke & Tomioka 2016). For KL, E_P[T] - log E_Q[e^T] is tighter
for the same T (Donsker & Varadhan 1983). Maximised over T on the very samples it is evaluated on, a
bound is none, so what is reported comes from samples that the critic was not trained on, once, at
the end of training.
"""

import jax
import jax.numpy as jnp
import optax
from jax import lax
from jax.scipy.special import logsumexp

from divlab.divergences import families
from divlab.networks import mlp


def f_divergence(family: families.Family, x: jax.Array, y: jax.Array, method) -> jax.Array:
    """The bound on the held-out samples, a lower bound on average."""
    bound = _bound(family, method.bound)
    split_key, init_key, batch_key = jax.random.split(method.key, 3)
    # What the critic sees has mean 0 and standard deviation 1; no f-divergence depends on units.
    pooled = jnp.concatenate([x, y])
    mean, spread = jnp.mean(pooled), jnp.std(pooled)
    parts = []
    for sample, key in zip((x, y), jax.random.split(split_key), strict=True):
        shuffled = jax.random.permutation(key, (sample - mean) / spread)
        kept = min(max(round(method.held_out * len(sample)), 1), len(sample) - 1)
        parts.append((shuffled[kept:], shuffled[:kept]))
    (x_train, x_test), (y_train, y_test) = parts

    critic = mlp(1, method.hidden, 1, "silu")
    optimiser = optax.adam(optax.cosine_decay_schedule(method.learning_rate, method.steps))

    def value(params, a, b):
        return bound(*(critic.apply(params, s[:, None])[:, 0] for s in (a, b)))

    def step(carry, key):
        params, state = carry
        batch = [
            sample[jax.random.randint(k, (min(method.batch_size, len(sample)),), 0, len(sample))]
            for sample, k in zip((x_train, y_train), jax.random.split(key), strict=True)
        ]
        gradient = jax.grad(lambda params: -value(params, *batch))(params)
        update, state = optimiser.update(gradient, state)
        return (optax.apply_updates(params, update), state), None

    params = critic.init(init_key)
    keys = jax.random.split(batch_key, method.steps)
    (params, _), _ = lax.scan(step, (params, optimiser.init(params)), keys)
    return value(params, x_test, y_test)


def _bound(family: families.Family, name: str | None):
    """(critic at P's samples, critic at Q's samples) -> the bound, before any activation."""
    is_kl = isinstance(family, families.KL)
    if name == "donsker_varadhan" or (name is None and is_kl):
        return lambda at_p, at_q: jnp.mean(at_p) - logsumexp(at_q) + jnp.log(len(at_q))

    def f_gan(at_p, at_q):
        critic_p, critic_q = family.activation(at_p), family.activation(at_q)
        return jnp.mean(critic_p) - jnp.mean(family.conjugate(critic_q))

    return f_gan
