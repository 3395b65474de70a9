"""Arrays through a safetensors file: every dtype and shape comes back, and nothing pickled comes in."""

from __future__ import annotations

import json
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework.artefacts.arrays import DTYPES, described, read_arrays, write_arrays
from framework.errors import RunError


def through(path: Path, **state: Any) -> dict[str, Any]:
    write_arrays(path / "w.safetensors", state)
    return read_arrays(path / "w.safetensors")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3, 0), (2, 3), (1, 2, 2)])
def test_dtype_and_shape_come_back(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    array = (np.arange(np.prod(shape, dtype=int)).reshape(shape) % 2).astype(dtype)
    found = through(tmp_path, x=array)["x"]
    assert (found.dtype, found.shape) == (np.dtype(dtype), shape)
    np.testing.assert_array_equal(found, array)


def test_views_are_written_by_their_values_and_not_by_the_memory_below(tmp_path: Path) -> None:
    whole = np.arange(24, dtype=np.int32).reshape(4, 6)
    views = {"turned": whole.T, "thinned": whole[::2, ::-1], "fortran": np.asfortranarray(whole), "one": whole[1:2, 3]}
    found = through(tmp_path, **views)
    for name, view in views.items():
        np.testing.assert_array_equal(found[name], view)


def test_floats_come_back_bit_by_bit(tmp_path: Path) -> None:
    odd = np.array([np.nan, np.inf, -np.inf, -0.0, 5e-324, np.nextafter(1.0, 2.0)])
    assert through(tmp_path, odd=odd)["odd"].tobytes() == odd.tobytes()
    swapped = odd.astype(">f8")
    assert through(tmp_path, odd=swapped)["odd"].tobytes() == odd.tobytes()


def test_what_is_read_can_be_written_to(tmp_path: Path) -> None:
    found = through(tmp_path, a=np.zeros(3), b=np.float32(2.0))
    found["a"][1] = 7.0
    assert found["a"].tolist() == [0.0, 7.0, 0.0]
    assert found["b"].shape == ()


def test_the_layout_is_the_published_one(tmp_path: Path) -> None:
    """8 bytes of length, that much JSON, then the bytes: https://huggingface.co/docs/safetensors, "Format"."""
    write_arrays(tmp_path / "w", {"x": np.array([1, 2], dtype=np.int16)})
    raw = (tmp_path / "w").read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    header = json.loads(raw[8 : 8 + length])
    assert header["x"] == {"dtype": "I16", "shape": [2], "data_offsets": [0, 4]}
    assert raw[8 + length :] == b"\x01\x00\x02\x00"


def test_equal_states_give_equal_bytes_whatever_the_order_of_names(tmp_path: Path) -> None:
    first, second = {"a": np.ones(2), "b": np.zeros(3, np.int8)}, {"b": np.zeros(3, np.int8), "a": np.ones(2)}
    write_arrays(tmp_path / "1", first)
    write_arrays(tmp_path / "2", second)
    assert (tmp_path / "1").read_bytes() == (tmp_path / "2").read_bytes()
    assert described(first) == described(second) == {"a": "float64 (2,)", "b": "int8 (3,)"}


@pytest.mark.parametrize("array", [np.array(["a"]), np.array([None]), np.array([1j]), np.array([1], "datetime64[s]")])
def test_only_numbers_and_bools_go_in(tmp_path: Path, array: Any) -> None:
    with pytest.raises(RunError, match="'odd' holds"):
        write_arrays(tmp_path / "w", {"odd": array})
    assert not (tmp_path / "w").exists()


class Bomb:
    """Unpickling it makes a file: the proof that nothing was unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("make", [pickle.dumps, lambda bomb: pickle.dumps({"x": bomb}, protocol=0)])
def test_a_pickle_is_refused_and_not_run(tmp_path: Path, make: Any) -> None:
    (tmp_path / "w").write_bytes(make(Bomb(tmp_path / "boom")))
    with pytest.raises(RunError, match="no whole safetensors file"):
        read_arrays(tmp_path / "w")
    assert not (tmp_path / "boom").exists()


def test_an_array_of_objects_as_numpy_saves_it_is_refused_and_not_run(tmp_path: Path) -> None:
    with (tmp_path / "w").open("wb") as file:
        np.save(file, np.array([Bomb(tmp_path / "boom")], dtype=object), allow_pickle=True)
    with pytest.raises(RunError, match="no whole safetensors file"):
        read_arrays(tmp_path / "w")
    assert not (tmp_path / "boom").exists()


@pytest.mark.parametrize("kept", [0, 7, 40, -1])
def test_a_file_that_is_cut_off_is_refused(tmp_path: Path, kept: int) -> None:
    write_arrays(tmp_path / "w", {"x": np.arange(10.0)})
    (tmp_path / "w").write_bytes((tmp_path / "w").read_bytes()[:kept])
    with pytest.raises(RunError, match="no whole safetensors file"):
        read_arrays(tmp_path / "w")
