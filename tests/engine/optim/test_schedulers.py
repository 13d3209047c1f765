"""Learning-rate schedules against their closed forms, and against PyTorch where it is installed."""

from __future__ import annotations

import math
import warnings
from typing import Any

import pytest

import gradviz_engine

CASES: dict[str, dict[str, Any]] = {
    "StepLR": {"step_size": 3, "gamma": 0.5},
    "MultiStepLR": {"milestones": [2, 5, 5, 9]},
    "ExponentialLR": {"gamma": 0.9},
    "CosineAnnealingLR": {"T_max": 7, "eta_min": 0.01},
    "LinearLR": {"total_iters": 6},
    "ConstantLR": {},
    "PolynomialLR": {"total_iters": 8, "power": 2.0},
    "LambdaLR": {"lr_lambda": lambda epoch: 0.95**epoch},
    "MultiplicativeLR": {"lr_lambda": lambda epoch: 0.95},
    "OneCycleLR": {"max_lr": 0.5, "total_steps": 20},
}


def rates(torch: Any, name: str, optimizer: str = "SGD") -> list[float]:
    """The rates (and momenta) of 19 epochs."""
    param = torch.nn.Parameter(torch.ones(3))
    options = {"momentum": 0.9} if optimizer == "SGD" else {}
    chosen = getattr(torch.optim, optimizer)([param], lr=0.1, **options)
    scheduler = getattr(torch.optim.lr_scheduler, name)(chosen, **CASES[name])
    found = []
    for _ in range(19):
        param.grad = torch.ones(3)
        chosen.step()
        scheduler.step()
        group = chosen.param_groups[0]
        assert scheduler.get_last_lr() == [group["lr"]]
        found += [group["lr"], group.get("momentum", 0), *group.get("betas", ())]
    return found


@pytest.mark.pytorch
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("name", CASES)
def test_rates_are_pytorchs(name: str, optimizer: str) -> None:
    torch = pytest.importorskip("torch")
    assert rates(gradviz_engine, name, optimizer) == pytest.approx(rates(torch, name, optimizer), rel=1e-12)


@pytest.mark.parametrize("name", [n for n in CASES if n not in ("LambdaLR", "MultiplicativeLR", "OneCycleLR")])
def test_steps_follow_the_closed_form(name: str) -> None:
    param = gradviz_engine.nn.Parameter(gradviz_engine.ones(1))
    optimizer = gradviz_engine.optim.SGD([param], lr=0.1)
    scheduler = getattr(gradviz_engine.optim.lr_scheduler, name)(optimizer, **CASES[name])
    for _ in range(8):
        optimizer.step()
        scheduler.step()
        assert scheduler.get_last_lr() == pytest.approx(scheduler._get_closed_form_lr(), rel=1e-12)


def test_half_a_cosine_ends_at_the_minimum() -> None:
    assert rates(gradviz_engine, "CosineAnnealingLR")[6 * 2] == pytest.approx(0.01)
    assert rates(gradviz_engine, "CosineAnnealingLR")[13 * 2] == pytest.approx(0.1)


def test_one_cycle_peaks_and_ends_far_below_its_start() -> None:
    found = rates(gradviz_engine, "OneCycleLR")[::2]
    assert max(found) == pytest.approx(0.5)
    assert found[-1] == pytest.approx(0.5 / 25 / 1e4)


def test_a_plateau_lowers_the_rate_once_and_then_cools_down() -> None:
    optimizer = gradviz_engine.optim.SGD([gradviz_engine.ones(1)], lr=1.0)
    scheduler = gradviz_engine.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1, cooldown=2)
    found = []
    for metric in (1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.5):
        scheduler.step(metric)
        found.append(round(math.log10(optimizer.param_groups[0]["lr"])))
    assert found == [0, 0, -1, -1, -1, -1, -1, -2]


def test_stepping_before_the_optimizer_warns() -> None:
    optimizer = gradviz_engine.optim.SGD([gradviz_engine.ones(1)], lr=1.0)
    scheduler = gradviz_engine.optim.lr_scheduler.StepLR(optimizer, 1)
    with pytest.warns(UserWarning, match="Detected call of `lr_scheduler.step\\(\\)` before `optimizer.step\\(\\)`"):
        scheduler.step()


def test_a_saved_schedule_goes_on_where_it_was() -> None:
    def made() -> Any:
        optimizer = gradviz_engine.optim.SGD([gradviz_engine.ones(1)], lr=1.0)
        return gradviz_engine.optim.lr_scheduler.MultiStepLR(optimizer, [2, 4]), optimizer

    first, optimizer = made()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(3):
            first.step()
        second, other = made()
        second.load_state_dict(first.state_dict())
        other.load_state_dict(optimizer.state_dict())
        first.step()
        second.step()
    assert first.get_last_lr() == second.get_last_lr() == [pytest.approx(0.01)]
