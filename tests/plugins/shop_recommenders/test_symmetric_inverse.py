"""The inverse by tiles against numpy's, at sizes that tiles do and do not divide."""

import numpy as np
import pytest

from shop_recommenders.linear.symmetric_inverse import invert_in_place


def _positive(n, dtype=np.float64, ridge=1.0):
    x = np.random.default_rng(n).normal(size=(2 * n + 1, n))
    return (x.T @ x + ridge * np.eye(n)).astype(dtype)


@pytest.mark.reference
@pytest.mark.parametrize("block", [1, 3, 25, 64, 1000])
@pytest.mark.parametrize("n", [1, 2, 50, 75, 101])
def test_equals_numpy_at_any_tile_size(n, block):
    matrix = _positive(n)
    expected = np.linalg.inv(matrix)
    invert_in_place(matrix, block=block)
    np.testing.assert_allclose(matrix, expected, rtol=1e-9, atol=1e-12 * np.abs(expected).max())
    np.testing.assert_array_equal(matrix, matrix.T)


def test_single_precision_loses_what_the_condition_allows():
    # Purchases of 900 users and 400 items, penalty 20.
    x = (np.random.default_rng(0).random((900, 400)) < 0.05).astype(np.float32)
    matrix = x.T @ x + 20.0 * np.eye(400, dtype=np.float32)
    exact = np.linalg.inv(matrix.astype(np.float64))
    bound = 10.0 * np.finfo(np.float32).eps * np.linalg.cond(matrix.astype(np.float64)) * np.linalg.norm(exact)
    assert bound < 1e-3 * np.linalg.norm(exact)
    invert_in_place(matrix, block=48)
    assert matrix.dtype == np.float32
    assert np.linalg.norm(matrix - exact) < bound


def test_an_ill_conditioned_matrix_in_double_precision():
    scales = np.logspace(0, 10, 60)
    turned, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(60, 60)))
    matrix = (turned * scales) @ turned.T
    matrix = (matrix + matrix.T) / 2
    found = matrix.copy()
    invert_in_place(found, block=7)
    expected = np.linalg.inv(matrix)
    # Relative error of either is at most about condition (1e10) times rounding (1e-16).
    assert np.linalg.norm(found - expected) < 1e-4 * np.linalg.norm(expected)


def test_threads_change_no_byte_and_the_upper_triangle_is_not_read():
    one = _positive(90, np.float32)
    several = np.tril(one) + np.triu(np.full((90, 90), np.nan, dtype=np.float32), 1)
    done = []
    invert_in_place(one, block=16, num_threads=1)
    invert_in_place(several, block=16, num_threads=3, progress=lambda *at: done.append(at))
    np.testing.assert_array_equal(one, several)
    assert done == [(16, 90), (32, 90), (48, 90), (64, 90), (80, 90), (90, 90)]


@pytest.mark.parametrize("block", [2, 10])
def test_refuses_what_is_not_positive_definite(block):
    matrix = np.diag([1.0, 2.0, 3.0, -1.0, 5.0])
    with pytest.raises(np.linalg.LinAlgError, match="positive definite"):
        invert_in_place(matrix, block=block)
