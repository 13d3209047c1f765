"""Saving and loading: round trips, PyTorch's own files, and files that want to do harm."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from collections import OrderedDict
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


ORDERED = b"ccollections\nOrderedDict\n)R"
HARMFUL = {
    "attributes of a dtype": b"ctorch\nfloat32\n}U\x05_nameU\x04evilsb.",
    "attributes of a dtype, as slots": b"ctorch\nfloat32\nN}U\x05_nameU\x04evils\x86b.",
    "attributes of a class": b"ccollections\nOrderedDict\n}U\x04evilK\x01sb.",
    "attributes of a class found in the memo": b"ctorch\nSize\nq\x07h\x07}U\x04evilK\x01sb.",
    "attributes of a maker": b"ctorch._utils\n_rebuild_tensor_v2\n}U\x04makeK\x01sb.",
    "attributes of a storage type": b"ctorch\nFloatStorage\n}U\x06storedK\x01sb.",
    "a method of an ordered dict": ORDERED + b"}U\x05itemsK\x01sb.",
    "the class of an ordered dict": ORDERED + b"}U\x09__class__ccollections\nOrderedDict\nsb.",
    "the state of a list": b"]}U\x04evilK\x01sb.",
    "a setstate that is data": ORDERED + b"}U\x0c__setstate__ctorch\nfloat32\nsbK\x01b.",
    "a new object": b"ccollections\nOrderedDict\n)\x81.",
    "a new object with keywords": b"\x80\x04ccollections\nOrderedDict\n)}\x92.",
    "an instance": b"(icollections\nOrderedDict\n.",
    "an object": b"(ccollections\nOrderedDict\no.",
    "an extension": b"\x82\x01.",
    "a persistent id in words": b"Pstorage\n.",
    "a persistent id that is no storage": b"U\x04evilQ.",
    "a persistent id of a list": b"(U\x07storage]U\x010U\x03cpuK\x01tQ.",
    "a storage as another type": b"(U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x01tQ0"
    b"(U\x07storagectorch\nIntStorage\nU\x010U\x03cpuK\x01tQ.",
    "a call of a value": b"ctorch\nfloat32\n)R.",
    "a call of data": b"U\x04evil)R.",
    "a call without a tuple": b"ccollections\nOrderedDict\n]R.",
    "a call with what does not fit": b"ccollections\nOrderedDict\nK\x01\x85R.",
    "a device there is not": b"ctorch\ndevice\nU\x04evil\x85R.",
    "a name inside a module": b"\x80\x04U\x05torchU\x0dload.__code__\x93.",
    "a global named by a list": b"\x80\x04]]\x93.",
    "an empty memo": b"h\x07.",
    "no end": b"]",
    "too much at the end": b"]].",
    "nothing": b".",
    "a mark that is not there": b"]e.",
    "an append to a tuple": b")K\x01a.",
    "half a pair": b"(U\x01ad.",
    "a key that is a list": b"}]K\x01s.",
    "a buffer": b"\x80\x05\x97.",
}


@pytest.mark.parametrize("program", HARMFUL.values(), ids=HARMFUL.keys())
def test_a_pickle_that_wants_more_than_data_is_refused_and_changes_nothing(program: bytes) -> None:
    """Python's own unpickler would set attributes on the globals it is given."""
    watched = (engine.float32, engine.int32, engine.Size, engine.device, OrderedDict, engine.Tensor)
    before = [(repr(thing), dict(getattr(thing, "__dict__", {}))) for thing in watched]
    with pytest.raises(LoadError):
        load(torch_file(b"\x80\x02" + program, k0=bytes(4)))
    assert [(repr(thing), dict(getattr(thing, "__dict__", {}))) for thing in watched] == before


def test_lists_in_lists_without_end_are_read_or_refused() -> None:
    deep = b"]" * 100_000 + b"a" * 99_999 + b"."
    found = load(torch_file(deep))
    assert len(found) == 1
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("manifest.json", "[" * 100_000)
    with pytest.raises(LoadError):
        load(file)


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
@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_pytorchs_files_are_read(protocol: int) -> None:
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(4, 3)).sum().backward()
    optimizer.step()
    tied = torch.ones(2)
    saved = {
        "model": model.state_dict(), "optimizer": optimizer.state_dict(), "view": torch.arange(6.0).reshape(2, 3).t(),
        "half": torch.ones(2, dtype=torch.float16), "kind": torch.float64, "wide": torch.ones(1, 2).expand(3, 2),
        "parameter": torch.nn.Parameter(torch.ones(2)), "tied": [tied, tied], "size": torch.Size([2, 3]),
        "device": torch.device("cpu"), "plain": (1, -2.5, None, True, "ü", 2**70, b"b", [], {}, ()),
    }  # fmt: skip
    file = io.BytesIO()
    torch.save(saved, file, pickle_protocol=protocol)
    file.seek(0)
    found = load(file)
    assert list(found["model"]) == list(model.state_dict())
    for name, value in model.state_dict().items():
        assert found["model"][name].tolist() == value.tolist()
    assert found["model"]._metadata == model.state_dict()._metadata
    assert found["optimizer"]["param_groups"] == optimizer.state_dict()["param_groups"]
    for number, state in optimizer.state_dict()["state"].items():
        assert {k: v.tolist() for k, v in found["optimizer"]["state"][number].items()} == {
            k: v.tolist() for k, v in state.items()
        }
    assert found["view"].stride() == (1, 3)
    assert found["wide"].tolist() == [[1, 1]] * 3
    assert found["kind"] is engine.float64
    assert found["parameter"].requires_grad
    assert found["tied"][0] is found["tied"][1]
    assert (found["size"], str(found["device"]), found["plain"]) == (engine.Size([2, 3]), "cpu", saved["plain"])
    again = engine.nn.Sequential(engine.nn.Linear(3, 2), engine.nn.BatchNorm1d(2))
    again.load_state_dict(found["model"])
    engine.optim.Adam(again.parameters()).load_state_dict(found["optimizer"])
