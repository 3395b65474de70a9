"""Runs the command line with a run that only says what it was given: what lies between the shell and `run`."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
import warnings
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any


def run(config: Any, folder: Path, plugins: Any) -> Any:
    from omegaconf import OmegaConf

    from framework.errors import DataError
    from framework.runfolder import RunFolder

    logging.getLogger("prelaunch").info("a stage is done")
    if config.seed == 12:
        warnings.warn("odd numbers", stacklevel=1)
    if config.seed == 16:
        with RunFolder(folder, config.study, config.seed, ""):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(60)
    if config.seed == 13:
        raise ZeroDivisionError("unlucky")
    if config.seed == 14:
        raise KeyboardInterrupt
    if config.seed == 15:
        raise DataError("the log is empty")
    (folder / "result.json").write_text(json.dumps(OmegaConf.to_container(config)))
    effect = {"metric": "revenue", "treatment": "treatment", "evidence": "simulated", "ci_low": -1.0, "ci_high": 2.0}
    p_values = {"p_value": 0.01 * config.seed, "p_adjusted": None}
    primary = SimpleNamespace(role="primary", segment=None, estimate=float(config.seed), **p_values, **effect)
    print(f"STUDY {config.study}")
    verdict = SimpleNamespace(treatment="treatment", decision="ship", headline="Ship it.")
    return SimpleNamespace(verdict=verdict, effects=(primary,), health={})


if __name__ == "__main__":
    fake = ModuleType("framework.run")
    fake.run = run  # type: ignore[attr-defined]
    sys.modules["framework.run"] = fake
    from framework.cli import main

    sys.exit(main())
