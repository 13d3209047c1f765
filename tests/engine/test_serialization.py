"""Saving and loading: round trips, PyTorch's own files, and files that want to do harm."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import pytest

import gradviz_engine as engine
from gradviz_engine.serialization import LoadError, load, save


def round_trip(obj: Any) -> Any:
    file = io.BytesIO()
    save(obj, file)
    file.seek(0)
    return load(file)


def test_plain_values_come_back_as_they_were() -> None:
    obj = {"a": [1, 2.5, None, True], ("k", 3): {"x"}, 7: float("inf"), "c": 1 + 2j, "s": "ü"}
    assert round_trip(obj) == obj
    assert str(round_trip(float("nan"))) == "nan"
    assert round_trip([engine.float64, engine.Size([2, 3])]) == [engine.float64, engine.Size([2, 3])]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int64", "uint8", "bool", "complex64"])
def test_tensors_come_back_bit_for_bit(dtype: str) -> None:
    tensor = engine.arange(6).reshape(2, 3).t().to(getattr(engine, dtype))
    found = round_trip(tensor)
    assert found.dtype is tensor.dtype
    assert found.tolist() == tensor.tolist()


def test_a_training_state_goes_on_after_loading(tmp_path: Path) -> None:
    model = engine.nn.Linear(3, 2)
    optimizer = engine.optim.Adam(model.parameters())
    model(engine.ones(1, 3)).sum().backward()
    optimizer.step()
    save({"model": model.state_dict(), "optimizer": optimizer.state_dict()}, tmp_path / "state.pt")
    found = load(tmp_path / "state.pt")
    other = engine.nn.Linear(3, 2)
    other.load_state_dict(found["model"])
    again = engine.optim.Adam(other.parameters())
    again.load_state_dict(found["optimizer"])
    assert other.weight.tolist() == model.weight.tolist()
    assert again.state[other.weight]["exp_avg"].tolist() == optimizer.state[model.weight]["exp_avg"].tolist()


def test_parameters_stay_parameters() -> None:
    found = round_trip(engine.nn.Parameter(engine.ones(2)))
    assert isinstance(found, engine.nn.Parameter)
    assert found.requires_grad


def test_what_cannot_be_saved_says_so() -> None:
    with pytest.raises(TypeError, match="save its state_dict"):
        save(engine.nn.Linear(1, 1), io.BytesIO())


@pytest.mark.parametrize("content", [b"", b"abc", b"PK\x05\x06" + bytes(18)])
def test_other_files_are_refused(content: bytes) -> None:
    with pytest.raises(LoadError):
        load(io.BytesIO(content))


def torch_file(pickled: bytes, **storages: bytes) -> io.BytesIO:
    """A file laid out as PyTorch lays it out."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", pickled)
        for key, content in storages.items():
            archive.writestr(f"archive/data/{key.removeprefix('k')}", content)
    file.seek(0)
    return file


def test_a_file_that_wants_to_run_code_is_refused() -> None:
    class Evil:
        def __reduce__(self) -> Any:
            return os.mkdir, ("hacked",)

    with pytest.raises(LoadError, match=r"mkdir, which is not part of a state dict"):
        load(torch_file(pickle.dumps(Evil(), protocol=2)))
    assert not Path("hacked").exists()


def test_a_tensor_beyond_its_storage_is_refused() -> None:
    # _rebuild_tensor_v2(persistent id, offset 0, size (9,), stride (1,), ...): one float32, nine wanted.
    program = (
        b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x01tQ"
        b"K\x00K\t\x85K\x01\x85\x89}tR."
    )
    with pytest.raises(LoadError, match="reaches beyond its storage"):
        load(torch_file(program, k0=bytes(4)))


def test_a_damaged_tensor_is_refused() -> None:
    file = io.BytesIO()
    save(engine.ones(4), file)
    with zipfile.ZipFile(file) as archive:
        manifest = archive.read("manifest.json")
    forged = io.BytesIO()
    with zipfile.ZipFile(forged, "w") as archive:
        archive.writestr("manifest.json", manifest)
        archive.writestr("tensors/0", bytes(3))
    with pytest.raises(LoadError, match="has 3 bytes"):
        load(forged)


@pytest.mark.pytorch
def test_pytorchs_files_are_read() -> None:
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(4, 3)).sum().backward()
    optimizer.step()
    saved = {
        "model": model.state_dict(), "optimizer": optimizer.state_dict(), "view": torch.arange(6.0).reshape(2, 3).t(),
        "half": torch.ones(2, dtype=torch.float16), "kind": torch.float64,
        "parameter": torch.nn.Parameter(torch.ones(2)),
    }  # fmt: skip
    file = io.BytesIO()
    torch.save(saved, file)
    file.seek(0)
    found = load(file)
    for name, value in model.state_dict().items():
        assert found["model"][name].tolist() == value.tolist()
    assert found["view"].stride() == (1, 3)
    assert found["kind"] is engine.float64
    assert found["parameter"].requires_grad
