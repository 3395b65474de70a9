"""What this package offers. Targets are imported only when a study names them."""

from __future__ import annotations

from framework.components import Component
from framework.hookspecs import hookimpl

_SU = "Su, Dimakopoulou, Krishnamurthy, Dudik, ICML 2020"
_METELLI = "Metelli, Russo, Restelli, NeurIPS 2021"
_PRECUP = "Precup, Sutton, Singh, ICML 2000"


def _estimator(target: str, summary: str, reference: str, needs: tuple[str, ...] = ()) -> Component:
    name = target.partition(":")[0].rpartition(".")[2]
    return Component("estimator", name, f"shop_estimators.{target}", summary, needs=needs, reference=reference)


@hookimpl
def prelaunch_components() -> list[Component]:
    """Offer the estimators."""
    return [
        _estimator("weighting.replay:Replay", "mean reward of rows that the policy would have taken", "Li, WSDM 2011"),
        _estimator("weighting.ips:Ips", "rewards weighted by policy over logger: unbiased", "Horvitz, Thompson 1952"),
        _estimator(
            "weighting.clipped_ips:ClippedIps", "ips with weights cut off", "Ionides, JCGS 2008", needs=("scipy",)
        ),
        _estimator("weighting.snips:Snips", "ips as a weighted mean", "Swaminathan, Joachims, NeurIPS 2015"),
        _estimator("weighting.sg_ips:SgIps", "ips with weights pulled towards 1", _METELLI, needs=("scipy",)),
        _estimator("weighting.mips:Mips", "ips by what actions are like", "Saito, Joachims, ICML 2022"),
        _estimator("doubly_robust.dm:Dm", "what a reward model foretells", "Beygelzimer, Langford, KDD 2009"),
        _estimator("doubly_robust.dr:Dr", "a reward model, corrected by ips", "Dudik, Langford, Li, ICML 2011"),
        _estimator("doubly_robust.sndr:Sndr", "a reward model, corrected by snips", "Thomas, Brunskill, ICML 2016"),
        _estimator(
            "doubly_robust.switch_dr:SwitchDr",
            "dr where weights are small, else the model",
            "Wang, Agarwal, Dudik, ICML 2017",
            needs=("scipy",),
        ),
        _estimator("doubly_robust.dr_os:DrOs", "dr with shrunk weights", _SU, needs=("scipy",)),
        _estimator("doubly_robust.sg_dr:SgDr", "dr with weights pulled towards 1", _METELLI, needs=("scipy",)),
        _estimator("slates.sips:Sips", "slates by the weight of the whole slate", _PRECUP),
        _estimator("slates.iips:Iips", "slates by each place's own weight", "Li et al., KDD 2018"),
        _estimator("slates.rips:Rips", "slates by the weight down to each place", "McInerney et al., KDD 2020"),
        _estimator("slates.cascade_dr:CascadeDr", "slates by rips and a reward model", "Kiyohara et al., WSDM 2022"),
        _estimator("sequential.per_decision:PerDecision", "trajectories by weights up to each decision", _PRECUP),
        _estimator(
            "sequential.fitted_q:FittedQ", "trajectories by fitted Q evaluation", "Le, Voloshin, Yue, ICML 2019"
        ),
    ]
