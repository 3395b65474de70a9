"""The nearest of each row against a sort of it, ties and all."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from shop_recommenders.neighbours.similarity import nearest


@pytest.mark.parametrize("levels", [1, 3, 1000])
@pytest.mark.parametrize("count", [1, 4, 50])
@pytest.mark.parametrize("seed", range(4))
def test_nearest_is_a_sort_of_each_row(levels, count, seed):
    rng = np.random.default_rng(seed)
    dense = rng.integers(1, levels + 1, (30, 40)).astype(np.float32) * (rng.random((30, 40)) < rng.random((30, 1)))
    rows = csr_matrix(dense)
    for row in range(len(dense)):  # as products of sparse matrices come: in no order
        part = slice(rows.indptr[row], rows.indptr[row + 1])
        mixed = rng.permutation(np.arange(part.start, part.stop))
        rows.indices[part], rows.data[part] = rows.indices[mixed], rows.data[mixed]
    before = rows.toarray()
    found = nearest(rows, count)
    expected = np.zeros_like(dense)
    for row, values in enumerate(dense):
        best = [item for item in np.lexsort((np.arange(40), -values)) if values[item] > 0][:count]
        expected[row, best] = values[best]
    np.testing.assert_array_equal(found.toarray(), expected)
    np.testing.assert_array_equal(rows.toarray(), before)
    assert found.dtype == np.float32
    assert all((np.diff(found.indices[a:b]) > 0).all() for a, b in zip(found.indptr, found.indptr[1:], strict=False))
