"""What a command line may not ask for: told by key, before any file is read."""

from __future__ import annotations

import pytest

from framework.analysis.arguments import read_arguments
from framework.errors import ConfigError

ARMS = ("nowhere.csv", "arm=arm", "control=a")
MEAN = "metrics.x.kind=mean"
RATIO = ("metrics.r.kind=ratio", "metrics.r.numerator=a", "metrics.r.denominator=b")
COUNTED = ("nowhere.csv", "experiment=e", "count=n", "metrics.clicks.kind=proportion")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("metrics=x",), "metrics is 'x'"),
        ((MEAN, "sequential=mixture"), "sequential.NAME=value"),
        ((MEAN, "sequential.mthod=mixture"), "Did you mean 'method'"),
        ((MEAN, "sequential.planned=0"), "sequential.planned is 0"),
        ((MEAN, "sequential.looks=0", "sequential.method=pocock"), "sequential.looks is 0"),
        ((MEAN, "sequential.method=pocok"), "Did you mean 'pocock'"),
        ((MEAN, "sequential.method=pocock"), "sequential.information is missing"),
        ((MEAN, "rope=1"), "rope= is read off a posterior"),
        ((MEAN, "rope=-1", "prior=jeffreys"), "rope is -1"),
        ((MEAN, "shares={a:1,b:0}"), "shares.b is 0"),
        ((MEAN, "shares={a:1,b:inf}"), "shares.b is inf"),
        ((MEAN, "power=0.01"), "power is 0.01"),
        ((MEAN, "difference=-1"), "difference is -1"),
        ((MEAN, "seed=-1"), "seed is -1"),
        ((MEAN, "separator=;;"), "a single character"),
        ((MEAN, "separator="), "a single character"),
        ((MEAN, "metrics.x.margin=inf", "metrics.x.role=guardrail"), "margin is inf"),
        ((MEAN, "metrics.x.margin=1"), "Set metrics.x.role=guardrail"),
        ((MEAN, "metrics.x.covariates=[a/b/c]"), "two joined by one /"),
        ((MEAN, "metrics.x.covariates=[a/b]", "metrics.x.method=cupac"), "holds 'a/b'. Allowed: columns"),
        ((MEAN, "metrics.x.method=bootstrap", "metrics.x.covariates=[a]"), "which bootstrap does not use"),
        (("metrics.x.kind=proportion", "metrics.x.covariates=[a]"), "which proportion does not use"),
        ((*RATIO, "metrics.r.column=c"), "no column of its own"),
        (("metrics.x.kind=rate", "metrics.x.denominator=b", "metrics.x.numerator=a"), "Leave numerator= out"),
        ((MEAN, "metrics.x.numerator=a"), "which has no numerator"),
        ((MEAN, "burn_in=1"), "burn_in= goes with design=switchback"),
        ((MEAN, "design=paired", "unit=u", "cluster=c"), "cluster= goes with independent arms"),
        ((MEAN, "design=paired", "unit=u", "stratum=s"), "stratum= goes with independent arms"),
        ((MEAN, "design=switchback", "period=p", "segment=s"), "segment= does not go with design=switchback"),
        ((MEAN, "cluster=c", "time=t"), "time= goes with independent arms without clusters"),
        ((MEAN, "cluster=c", "compare=all"), "compare=all goes with independent arms"),
        (("metrics.x.kind=quantile", "time=t"), "no metric to follow by day"),
        (("metrics.x.kind=quantile", "cluster=c"), "cluster= goes with mean, sum, proportion, ratio"),
        ((MEAN, "metrics.x.method=mann_whitney", "design=paired", "unit=u"), "design=paired goes with mean"),
        ((MEAN, "metrics.x.covariates=[a]", "design=switchback", "period=p"), "design=switchback goes with"),
        ((MEAN, "count=n"), "count= is of counted input"),
        ((MEAN, "group=g"), "group= is of counted input"),
    ],
)
def test_what_does_not_go_together(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_arguments([*ARMS, *arguments])
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "argument", ["arm=a", "segment=s", "shares={a:1}", "prior=jeffreys", "design=paired", "missing=drop", "time=t"]
)
def test_what_counted_input_has_no_use_for(argument: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_arguments([*COUNTED, argument])
    assert f"no use for {argument.partition('=')[0]}=" in str(refused.value)


@pytest.mark.parametrize("argument", ["metrics.x.kind=mean", "metrics.clicks.method=fisher"])
def test_counted_metrics_are_proportions(argument: str) -> None:
    with pytest.raises(ConfigError, match="is counted per arm"):
        read_arguments([*COUNTED, argument])
