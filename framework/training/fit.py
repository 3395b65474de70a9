"""Fits a component: a classical one by its own `fit`, a neural one by a Lightning Trainer, which is made only here."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any
from zlib import crc32

import numpy as np

from framework.config import TrainerConfig
from framework.data.tables import Dataset
from framework.kinds import MadeOfParts, Neural, NeuralModel
from framework.records import Context
from framework.training.record import FitRecord
from framework.training.settings import check_steps, check_trainer


def fit(
    component: Any,
    data: Dataset,
    context: Context,
    settings: TrainerConfig,
    *,
    validation: Callable[[], float] | None = None,
    report: Callable[[int, float], bool] | None = None,
    callbacks: Sequence[Any] = (),
    options: Mapping[str, Any] | None = None,
    identity: str = "",
) -> FitRecord:
    """Fit a component and return how that went; afterwards it recommends by its best weights, on the CPU.

    A neural fit writes `log/metrics.csv` and, while it runs, `checkpoints/` below `context.folder`. Killed and started
    again there, with all that it hangs on unchanged, it goes on after the last whole epoch, on the CPU bit for bit as
    if it had not been killed; another fit's checkpoints are removed, and its own once it is done. Global generators,
    torch's flags and the environment are as before when it returns.

    Args:
        component: an unfitted component, with `fit`, or with `training` and `learned` (`Neural`), or with `trainings`
            (`NeuralModel`), which have no score. One that is made of parts has them fitted first, neural ones for
            their own epochs: only the whole has a score.
        data: the log to learn from.
        context: the component's; same data and state of `context.rng`, same weights on one machine's CPU.
        settings: the study's trainer.
        validation: returns the score to maximise, of the component as it recommends by then. Called in every process
            that trains (`gathered` shares the users out), with the module in evaluation and without gradients.
        report: called with the epochs that are done and their score, after each look; True gives the fit up.
        callbacks: further Lightning callbacks.
        options: keyword arguments of the Trainer, over the engine's own.
        identity: what else the fit hangs on, as text: whom `validation` ranks for, and by which metric.

    Raises:
        ConfigError: settings that cannot be met.
        RunError: it cannot fit into memory, its loss or score is no number, or a process of several failed.
    """
    started = time.perf_counter()
    check_trainer(settings)
    learned = 0
    if isinstance(component, MadeOfParts):
        seed = int(context.rng.integers(2**63))
        for name, part in component.built_parts().items():
            own = _part_context(context, name, seed)
            told = f"{identity} {name}"
            record = fit(part, data, own, settings, callbacks=callbacks, options=options, identity=told)
            learned += record.parameters
    if isinstance(component, NeuralModel):
        return _train_in_turn(component, data, context, settings, callbacks, options or {}, started)
    if not isinstance(component, Neural):
        component.fit(data, context)
        return FitRecord(seconds=time.perf_counter() - started, parameters=learned)
    from framework.training.surroundings import surroundings_kept

    def look() -> float:
        component.learned()
        return 0.0 if validation is None else validation()

    with surroundings_kept():
        return _train(
            component,
            data,
            context,
            settings,
            look=None if validation is None else look,
            report=report,
            callbacks=callbacks,
            options=options or {},
            identity=identity,
            started=started,
        )


def _part_context(context: Context, name: str, seed: int) -> Context:
    """Return the context of a component's part; its generator depends on its name, not on the parts beside it."""
    folder = context.folder / f"part-{crc32(name.encode()):08x}"
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, crc32(name.encode())])
    return replace(context, rng=rng, folder=folder, log=context.log.getChild(name))


def _train_in_turn(
    model: NeuralModel,
    data: Dataset,
    context: Context,
    settings: TrainerConfig,
    callbacks: Sequence[Any],
    options: Mapping[str, Any],
    started: float,
) -> FitRecord:
    """Train a model as often as it asks for, and return how the last training went, with the epochs of all."""
    from framework.training.surroundings import surroundings_kept
    from framework.training.turns import turns

    record, epochs = FitRecord(), 0
    with surroundings_kept():
        for turn, own, told in turns(model, data, context):
            begun = time.perf_counter()
            record = _train(
                turn,
                data,
                own,
                settings,
                look=None,
                report=None,
                callbacks=callbacks,
                options=options,
                identity=told,
                started=begun,
            )
            epochs += record.epochs
    return replace(record, epochs=epochs, seconds=time.perf_counter() - started)


def _train(
    component: Neural,
    data: Dataset,
    context: Context,
    settings: TrainerConfig,
    *,
    look: Callable[[], float] | None,
    report: Callable[[int, float], bool] | None,
    callbacks: Sequence[Any],
    options: Mapping[str, Any],
    identity: str,
    started: float,
) -> FitRecord:
    from framework.training.batches import Batches
    from framework.training.checkpoints import Checkpoints
    from framework.training.devices import OneThread, failures_told, processes_ended
    from framework.training.identity import config_of, digest_of
    from framework.training.looks import Looks
    from framework.training.memory import Scales, learned, weighing
    from framework.training.seeds import seed_for_epoch
    from framework.training.written import log_again, rows_before

    digest = digest_of(component, data, context, settings, look is None, sorted(options.items()), identity)
    checkpoints = Checkpoints(context.folder / "checkpoints", digest)
    checkpoints.open(context.log)
    config = config_of(component)
    seed = int(context.rng.integers(2**31))
    seed_for_epoch(seed, 0)
    with weighing(config), failures_told():
        training = component.training(data, context)
    check_steps(training, settings)
    last = checkpoints.last(context.log)
    epoch = 0 if last is None else checkpoints.epoch(last)
    batches = Batches(training, seed, epoch)
    looks = Looks(
        batches,
        checkpoints,
        context,
        look=look,
        report=report,
        every=settings.validate_every,
        patience=settings.patience,
        started=started,
    )
    scales = Scales(config, training.activation_bytes)
    rows = rows_before(context.folder, epoch)
    trainer = _trainer(training, context, settings, [OneThread(), *callbacks, scales, looks], options)
    log_again(trainer.loggers[0], rows)
    with failures_told(), processes_ended(trainer):
        trainer.fit(training.module, datamodule=batches, ckpt_path=last, weights_only=True)
    if trainer.strategy.launcher is not None:
        looks.take(checkpoints.outcome())
    if looks.best is not None:
        checkpoints.restore_best(training.module, looks.best)
    # The module would keep the Trainer alive, and with it the batches and the optimizer's states.
    training.module.trainer = None
    training.module.eval()
    component.learned()
    checkpoints.remove()
    return FitRecord(
        epochs=len(looks.curve),
        best_epoch=looks.best,
        curve=tuple(looks.curve),
        seconds=looks.seconds,
        stopped=looks.stopped,
        parameters=sum(weight.numel() for weight in learned(training.module)),
    )


def _trainer(
    training: Any, context: Context, settings: TrainerConfig, callbacks: Sequence[Any], options: Mapping[str, Any]
) -> Any:
    """Return the Trainer that the settings ask for; what a plugin's `options` say holds over it."""
    from pytorch_lightning import Trainer

    from framework.training.checkpoints import WholeFiles
    from framework.training.devices import trainer_on_devices
    from framework.training.written import loggers

    clip = training.gradient_clip if settings.gradient_clip_val is None else settings.gradient_clip_val
    own = {
        "precision": settings.precision,
        "max_epochs": training.epochs if settings.epochs is None else settings.epochs,
        "accumulate_grad_batches": settings.accumulate_grad_batches,
        "gradient_clip_val": clip,
        "deterministic": settings.deterministic,
        "enable_progress_bar": settings.progress and sys.stderr.isatty(),
        "enable_model_summary": False,
        "enable_checkpointing": False,
        "num_sanity_val_steps": 0,
        "use_distributed_sampler": False,
        "default_root_dir": context.folder,
        "logger": loggers(context.folder, tensorboard=settings.tensorboard),
        "plugins": [WholeFiles()],
    }
    make = partial(Trainer, **{**own, **options, "callbacks": [*callbacks, *options.get("callbacks", ())]})
    placed = {name: options[name] for name in ("accelerator", "devices", "strategy") if name in options}
    return trainer_on_devices(make, replace(settings, **placed), context.device)
