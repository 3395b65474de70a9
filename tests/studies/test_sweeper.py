"""Our own sweeper as a user runs it: whole studies as trials, the seal, a kill in the middle, a point that fails."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any


def sweeping(study: Path, *words: str) -> list[str]:
    return [
        *(sys.executable, "-m", "framework", "-m", "hydra/sweeper=prelaunch", "+experiment=tiny"),
        *(f"source.params.folder={study}", f"hydra.sweep.dir={study}/sweep", *words),
    ]


def swept(study: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = sweeping(study, *words)
    return subprocess.run(command, cwd=study, env=environment, text=True, capture_output=True, timeout=240, check=False)


def read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def test_a_killed_sweep_goes_on_with_its_finished_jobs(study: Path) -> None:
    space = ("recommender.params.factors=choice(2,4)", "recommender.params.alpha=tag(log,interval(0.5,20))")
    words = (*space, "hydra.sweeper.trials=3", "hydra.sweeper.sampler=random")
    folder = study / "sweep"
    with subprocess.Popen(sweeping(study, *words), cwd=study, stdout=-1, stderr=-1) as process:
        while not (folder / "1" / "record.json").exists():
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    first = read(folder / "0" / "job.json")
    done = swept(study, *words)
    assert done.returncode == 0, done.stderr
    jobs = read(folder / "sweep.json")["jobs"]
    # Job 1 was killed: job 2 repeats it in a folder of its own, and there are three in all.
    assert [job["number"] for job in jobs] == [0, 2, 3]
    assert jobs[0] == first
    trials = read(folder / "search.json")["trials"]
    assert len({json.dumps(trial["params"]) for trial in trials}) == len(trials) == 3
    best = max(trial["values"][0] for trial in trials)
    assert read(folder / "search.json")["best"]["value"] == best
    assert f"Best of 3 trials, {best:.4g} on the validation part: ++recommender.params." in done.stdout
    # Nobody read the test part, and nothing was judged.
    assert not list(folder.rglob("result.json"))


def test_a_job_that_fails_is_told_and_stops_no_other(study: Path) -> None:
    words = ("recommender.params.factors=choice(-1,4)", "hydra.sweeper.sampler=grid", "hydra.sweeper.batch=2")
    done = swept(study, *words)
    assert done.returncode == 1
    states = {
        trial["params"]["++recommender.params.factors"]: trial["state"]
        for trial in read(study / "sweep" / "search.json")["trials"]
    }
    assert states == {"-1": "failed", "4": "finished"}
    assert "factors is -1" in done.stderr
    assert "1 of 2 jobs did not finish" in done.stdout
