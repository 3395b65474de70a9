"""Training of neural_linear's network: hidden layers with rectifiers, one output an item, squared error."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from shop_policies.reinforcement.one_thread import one_thread


def trained_layers(
    contexts: NDArray[np.float64],
    arms: NDArray[np.intp],
    rewards: NDArray[np.float64],
    count: int,
    *,
    hidden: tuple[int, ...],
    steps: int,
    learning_rate: float,
    seed: int,
) -> list[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return the hidden layers' weights and biases after `steps` of Adam, each on all rows.

    `contexts` (m, d), `arms` (m,) from 0 to `count` - 1, `rewards` (m,) are divided by their root mean square. Equal
    arguments give equal weights; torch's own generator and threads are left as they were.
    """
    widths = (contexts.shape[1], *hidden)
    with torch.random.fork_rng(devices=[]), one_thread():
        torch.manual_seed(seed)
        body = [nn.Linear(before, after) for before, after in pairwise(widths)]
        heads = nn.Linear(widths[-1], max(count, 1))
        if steps and len(contexts):
            _train(body, heads, contexts, arms, rewards, steps, learning_rate)
    return [
        (layer.weight.detach().numpy().T.astype(np.float64), layer.bias.detach().numpy().astype(np.float64))
        for layer in body
    ]


def _train(
    body: list[nn.Linear],
    heads: nn.Linear,
    contexts: NDArray[np.float64],
    arms: NDArray[np.intp],
    rewards: NDArray[np.float64],
    steps: int,
    learning_rate: float,
) -> None:
    size = float(np.sqrt(np.mean(rewards**2)))
    x, arm = torch.from_numpy(contexts).float(), torch.from_numpy(arms.astype(np.int64))[:, None]
    target = torch.from_numpy(rewards / (size if size > 0 else 1.0)).float()
    optimizer = torch.optim.Adam([own for layer in (*body, heads) for own in layer.parameters()], lr=learning_rate)
    for _ in range(steps):
        optimizer.zero_grad()
        layer = x
        for linear in body:
            layer = torch.relu(linear(layer))
        loss = ((heads(layer).gather(1, arm)[:, 0] - target) ** 2).mean()
        loss.backward()
        optimizer.step()
