"""Networks of action values: plain, or dueling."""

from __future__ import annotations

from torch import Tensor, nn


class QNetwork(nn.Module):
    """Values (n, A) of all actions in states (n, F), by a perceptron.

    With `dueling` the last layer gives the state's value V and each action's advantage D, and the values are
    V + D - mean(D): Wang et al., "Dueling network architectures for deep reinforcement learning" (ICML 2016),
    equation 9.
    """

    def __init__(self, features: int, actions: int, hidden: tuple[int, ...], *, dueling: bool = False) -> None:
        super().__init__()
        sizes = (features, *hidden)
        layers: list[nn.Module] = []
        for size, following in zip(sizes, hidden, strict=False):
            layers += [nn.Linear(size, following), nn.ReLU()]
        self.trunk = nn.Sequential(*layers)
        self.advantage = nn.Linear(sizes[-1], actions)
        self.value = nn.Linear(sizes[-1], 1) if dueling else None

    def forward(self, states: Tensor) -> Tensor:
        """Return the values."""
        trunk = self.trunk(states)
        advantage: Tensor = self.advantage(trunk)
        if self.value is None:
            return advantage
        value: Tensor = self.value(trunk)
        return value + advantage - advantage.mean(dim=1, keepdim=True)
