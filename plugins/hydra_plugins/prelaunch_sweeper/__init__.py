"""`-m hydra/sweeper=prelaunch`: search over anything that an override can say, with whole studies as trials.

Each job holds the study's trials on the validation part (the test part stays sealed) and returns one strategy's value
on one metric; any Hydra launcher spreads a batch of jobs. Swept overrides make the space: choice(a,b), range(1,9),
interval(0.1,10), tag(log,interval(0.1,10)), tag(int,interval(8,64)). The same hydra.sweep.dir goes on after a kill.
"""

# No `from __future__ import annotations`: Hydra reads the dataclass's annotations as they stand.
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Optional

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

if TYPE_CHECKING:
    from framework.training.search_record import Searched


@dataclass
class PrelaunchSweeperConf:
    """`trials` in all, `batch` of them launched at once; whose value on which metric is searched for, and how.

    `strategy` null takes the one that the study is about, `metric` null its first primary one. `sampler` is "tpe",
    "random", "grid" or "nsga2"; `storage` a file or a database's URL, null a file in the sweep's folder.
    """

    _target_: str = "hydra_plugins.prelaunch_sweeper.PrelaunchSweeper"
    trials: int = 20
    batch: int = 1
    strategy: Optional[str] = None  # noqa: UP045 (OmegaConf's older versions read no other form)
    metric: Optional[str] = None  # noqa: UP045
    direction: str = "maximize"
    sampler: str = "tpe"
    seed: int = 0
    storage: Optional[str] = None  # noqa: UP045


ConfigStore.instance().store(group="hydra/sweeper", name="prelaunch", node=PrelaunchSweeperConf, provider="prelaunch")


class PrelaunchSweeper(Sweeper):
    """Asks the search for points, launches them as jobs, and tells it what came of them."""

    def __init__(self, **settings: Any) -> None:
        self.settings = PrelaunchSweeperConf(**settings)

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Take what Hydra hands over, and make the launcher."""
        from hydra.core.plugins import Plugins

        self.config = config
        self.parser = OverridesParser.create(config_loader=hydra_context.config_loader)
        self.hydra_context = hydra_context
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> Any:
        """Search, and print the best overrides."""
        from framework.config import SearchConfig
        from framework.training.search_batches import search_in_batches
        from framework.training.search_space import space_of
        from framework.training.search_storage import store_of

        own = self.settings
        assert self.config is not None  # noqa: S101 (Hydra calls `setup` first)
        parsed = self.parser.parse_overrides(arguments)
        fixed = [override.input_line or "" for override in parsed if not override.is_sweep_override()]
        swept = {override.get_key_element(): _entry(override) for override in parsed if override.is_sweep_override()}
        space = space_of(swept, {}, "the sweep")
        folder = Path(str(self.config.hydra.sweep.dir))
        hangs_on = [sorted(fixed), space.texts, own.strategy, own.metric, own.direction]
        name = f"sweep-{hashlib.sha256(json.dumps(hangs_on).encode()).hexdigest()[:16]}"
        store = store_of(own.storage, folder / "search", share=False)
        settings = SearchConfig(trials=own.trials, sampler=own.sampler)

        def launch(points: Sequence[tuple[int, dict[str, Any]]]) -> list[float | str]:
            batch = [[*fixed, *_overrides(params)] for _, params in points]
            self.validate_batch_is_legal(batch)
            assert self.launcher is not None  # noqa: S101
            jobs = self.launcher.launch(batch, initial_job_idx=points[0][0])
            values = [job.return_value for job in jobs]
            return [value if isinstance(value, float) else "see the job's folder" for value in values]

        with store.held():
            found = search_in_batches(
                space,
                launch,
                settings,
                store,
                name=name,
                seed=own.seed,
                direction=own.direction,
                size=own.batch,
            )
        return _tell(found, fixed, folder)


def _entry(override: Override) -> dict[str, Any]:
    """Return a swept override as the search space writes it."""
    value: Any = override.value()
    if isinstance(value, IntervalSweep):
        ends: dict[str, Any] = {"low": value.start, "high": value.end}
        if "int" in value.tags:
            ends = {key: int(end) for key, end in ends.items()}
        return {**ends, "log": "log" in value.tags}
    if isinstance(value, RangeSweep) and isinstance(value.start, int) and isinstance(value.stop, int):
        numbers = list(range(value.start, value.stop, int(value.step)))
        return {"choices": numbers}
    return {"choices": list(override.sweep_string_iterator())}


def _overrides(params: dict[str, Any]) -> list[str]:
    return [f"{key}={value}" for key, value in params.items()]


def _tell(found: "Searched", fixed: list[str], folder: Path) -> Any:
    import sys

    from framework.report.atomic import write_whole

    best = found.best
    if best is None:
        return None
    chosen = _overrides(best.params)
    tried = [{"state": own.state, "params": own.params, "values": list(own.values)} for own in found.trials]
    record = {"best": {"overrides": chosen, "value": best.values[0]}, "fixed": fixed, "trials": tried}
    write_whole(folder / "search.json", json.dumps(record, indent=1) + "\n")
    sys.stdout.write(
        f"Best of {len(found.trials)} trials, {best.values[0]:.4g} on the validation part: {' '.join(chosen)}\n"
    )
    return best.values[0]
