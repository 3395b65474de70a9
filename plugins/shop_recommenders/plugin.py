"""What this package offers. Targets are imported only when a study names them."""

from __future__ import annotations

from framework.components import Component
from framework.hookspecs import hookimpl

_NEURAL = ("torch", "pytorch_lightning")


def _recommender(
    name: str, target: str, summary: str, needs: tuple[str, ...] = ("scipy",), reference: str = ""
) -> Component:
    return Component("recommender", name, f"shop_recommenders.{target}", summary, needs=needs, reference=reference)


@hookimpl
def prelaunch_components() -> list[Component]:
    """Offer the recommenders."""
    return [
        *_floors(),
        *_neighbours_and_linear(),
        *_factors(),
        *_graphs_and_autoencoders(),
        *_sequences(),
        *_content_and_mixtures(),
    ]


def _floors() -> list[Component]:
    return [
        _recommender(
            "popular",
            "popularity.popular:Popular",
            "what most users bought, for everybody",
            (),
            "Cremonesi, Koren, Turrin, RecSys 2010",
        ),
        _recommender(
            "recent_popular",
            "popularity.recent_popular:RecentPopular",
            "what most users bought in the last days: the baseline to beat",
            (),
            "Ji, Sun, Zhang, Li, SIGIR 2020",
        ),
        _recommender(
            "segment_popular",
            "popularity.segment_popular:SegmentPopular",
            "what most users of the same segment bought, shrunk towards everybody's choice",
            (),
            "Efron, Morris, JASA 1975",
        ),
        _recommender(
            "random",
            "popularity.random_order:RandomOrder",
            "items in an order of chance: the lowest floor",
            (),
        ),
    ]


def _neighbours_and_linear() -> list[Component]:
    return [
        _recommender(
            "item_knn",
            "neighbours.item_knn:ItemKnn",
            "items bought by the users who bought what this user bought",
            reference="Deshpande, Karypis, TOIS 2004",
        ),
        _recommender(
            "user_knn",
            "neighbours.user_knn:UserKnn",
            "what the users bought whose purchases are most alike",
            reference="Sarwar, Karypis, Konstan, Riedl, EC 2000",
        ),
        _recommender(
            "rp3beta",
            "neighbours.rp3beta:Rp3Beta",
            "three random steps over the graph of purchases, popular ends damped",
            reference="Paudel, Christoffel, Newell, Bernstein, ACM TiiS 2017",
        ),
        _recommender(
            "slope_one",
            "neighbours.slope_one:SlopeOne",
            "ratings foretold from how other items were rated by the users who rated both; needs ratings",
            reference="Lemire, Maclachlan, SDM 2005",
        ),
        _recommender(
            "ease",
            "linear.ease:Ease",
            "a linear model of items by items, in closed form",
            ("scipy", "threadpoolctl"),
            "Steck, WWW 2019",
        ),
        _recommender(
            "slim",
            "linear.slim:Slim",
            "items explained by few others, weights not negative",
            reference="Ning, Karypis, ICDM 2011",
        ),
    ]


def _factors() -> list[Component]:
    return [
        _recommender(
            "als",
            "factors.als:Als",
            "matrix factorisation of purchases by alternating least squares",
            ("implicit", "threadpoolctl"),
            "Hu, Koren, Volinsky, ICDM 2008",
        ),
        _recommender(
            "pure_svd",
            "factors.pure_svd:PureSvd",
            "the strongest directions of the purchases, by a singular value decomposition",
            reference="Cremonesi, Koren, Turrin, RecSys 2010",
        ),
        _recommender(
            "bpr",
            "factors.bpr:Bpr",
            "vectors that put what was bought before what was not",
            _NEURAL,
            "Rendle, Freudenthaler, Gantner, Schmidt-Thieme, UAI 2009",
        ),
        _recommender(
            "lightfm",
            "factors.lightfm:LightFm",
            "vectors of what users and items are, added up: new items are ranked by their features",
            (*_NEURAL, "scipy", "threadpoolctl"),
            "Kula, CBRecSys 2015",
        ),
    ]


def _graphs_and_autoencoders() -> list[Component]:
    return [
        _recommender(
            "lightgcn",
            "graphs.lightgcn:LightGcn",
            "vectors averaged over the graph of who bought what",
            _NEURAL,
            "He, Deng, Wang, Li, Zhang, Wang, SIGIR 2020",
        ),
        _recommender(
            "ultragcn",
            "graphs.ultragcn:UltraGcn",
            "the limit of endless graph convolution, as a loss",
            _NEURAL,
            "Mao, Zhu, Xiao, Lu, Wang, He, CIKM 2021",
        ),
        _recommender(
            "mult_vae",
            "autoencoders.mult_vae:MultVae",
            "a variational autoencoder of a user's purchases",
            _NEURAL,
            "Liang, Krishnan, Hoffman, Jebara, WWW 2018",
        ),
        _recommender(
            "cfgan",
            "autoencoders.cfgan:Cfgan",
            "a network that makes up purchases, and one that tells them from true ones",
            (*_NEURAL, "scipy", "threadpoolctl"),
            "Chae, Kang, Kim, Lee, CIKM 2018",
        ),
    ]


def _sequences() -> list[Component]:
    return [
        _recommender(
            "item2vec",
            "sequences.item2vec:Item2Vec",
            "items as words, sequences as sentences",
            _NEURAL,
            "Barkan, Koenigstein, MLSP 2016",
        ),
        _recommender(
            "gru4rec",
            "sequences.gru4rec:Gru4Rec",
            "what comes next, by a recurrent network",
            _NEURAL,
            "Hidasi, Karatzoglou, Baltrunas, Tikk, ICLR 2016",
        ),
        _recommender(
            "caser",
            "sequences.caser:Caser",
            "what comes next, by convolutions over the last items",
            _NEURAL,
            "Tang, Wang, WSDM 2018",
        ),
        _recommender(
            "sasrec",
            "sequences.sasrec:SasRec",
            "what comes next, by attention to what came before",
            _NEURAL,
            "Kang, McAuley, ICDM 2018",
        ),
        _recommender(
            "bert4rec",
            "sequences.bert4rec:Bert4Rec",
            "hidden items, by attention to both sides of them",
            _NEURAL,
            "Sun, Liu, Wu, Pei, Lin, Ou, Jiang, CIKM 2019",
        ),
        _recommender(
            "esasrec",
            "sequences.esasrec:EsasRec",
            "SASRec with gated layers and a sampled softmax",
            _NEURAL,
            "Tikhonovich and others, RecSys 2025",
        ),
    ]


def _content_and_mixtures() -> list[Component]:
    return [
        _recommender(
            "item_text",
            "content.item_text:ItemText",
            "items that read like what the user has, new ones too",
            ("scipy", "sklearn"),
            "Lops, de Gemmis, Semeraro, Recommender Systems Handbook 2011",
        ),
        _recommender(
            "two_tower",
            "content.two_tower:TwoTower",
            "users and items in one space, from ids, category, price, text and image",
            (*_NEURAL, "scipy", "sklearn"),
            "Yi, Yang, Hong and others, RecSys 2019; Covington, Adams, Sargin, RecSys 2016",
        ),
        _recommender(
            "blend",
            "mixtures.blend:Blend",
            "one ranking out of several recommenders' rankings",
            (),
            "Cormack, Clarke, Buettcher, SIGIR 2009",
        ),
    ]
