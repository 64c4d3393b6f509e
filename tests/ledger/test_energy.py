"""A request's energy, and how it is known."""

import os
from pathlib import Path

import pytest

from causette.ledger.energy import MILLIWATTS_A_CORE, EnergyMeter
from causette.ledger.machines import Machine

OWN = Machine(name="own", nano_per_hour=1)
SECOND = 1_000_000_000
RANGE = 262_143_328_850


class Processor:
    """Energy counters as Linux shows them, and a clock."""

    def __init__(self, folder: Path, packages: int = 1) -> None:
        self.folder = folder
        self.now = 0
        for number in range(packages):
            package = folder / f"intel-rapl:{number}"
            part = folder / f"intel-rapl:{number}:0"
            for zone in (package, part):
                zone.mkdir(parents=True)
                (zone / "max_energy_range_uj").write_text(f"{RANGE}\n")
                (zone / "energy_uj").write_text("1000000\n")

    def spend(self, seconds: float, *microjoules: int) -> None:
        self.now += int(seconds * SECOND)
        for number, amount in enumerate(microjoules):
            file = self.folder / f"intel-rapl:{number}" / "energy_uj"
            file.write_text(f"{(int(file.read_text()) + amount) % RANGE}\n")

    def meter(self) -> EnergyMeter:
        return EnergyMeter((OWN,), own="own", powercap=self.folder, clock=lambda: self.now)


def test_counted_energy_is_shared_out_by_time(tmp_path: Path) -> None:
    processor = Processor(tmp_path)
    meter = processor.meter()
    processor.spend(2, 100_000_000)
    assert meter.of(SECOND, "own") == (50_000_000, "rapl")
    assert meter.of(SECOND // 4, "own") == (12_500_000, "rapl")


def test_every_package_counts_and_no_part_of_one_counts_twice(tmp_path: Path) -> None:
    processor = Processor(tmp_path, packages=2)
    meter = processor.meter()
    processor.spend(1, 30_000_000, 12_000_000)
    assert meter.of(SECOND, "own") == (42_000_000, "rapl")


def test_a_counter_that_begins_again_has_not_gone_back(tmp_path: Path) -> None:
    processor = Processor(tmp_path)
    (tmp_path / "intel-rapl:0" / "energy_uj").write_text(str(RANGE - 10))
    meter = processor.meter()
    processor.spend(1, 40_000_000)
    assert meter.of(SECOND, "own") == (40_000_000, "rapl")


def test_before_anything_was_measured_it_is_estimated(tmp_path: Path) -> None:
    processor = Processor(tmp_path)
    meter = processor.meter()
    processor.spend(0.5, 1)
    assert meter.of(SECOND, "own")[1] == "tdp"


def test_long_idleness_does_not_dilute_the_measure_of_work(tmp_path: Path) -> None:
    processor = Processor(tmp_path)
    meter = processor.meter()
    processor.spend(1, 50_000_000)
    meter.of(1, "own")
    processor.spend(3600, 60_000_000)
    assert meter.of(SECOND, "own") == (50_000_000, "rapl")
    processor.spend(1, 70_000_000)
    assert meter.of(SECOND, "own") == (70_000_000, "rapl")


def test_counters_that_cannot_be_read_any_more_are_left_alone(tmp_path: Path) -> None:
    processor = Processor(tmp_path)
    meter = processor.meter()
    processor.spend(1, 50_000_000)
    (tmp_path / "intel-rapl:0" / "energy_uj").unlink()
    assert meter.of(SECOND, "own")[1] == "tdp"


def test_a_package_that_cannot_be_read_makes_all_of_them_useless(tmp_path: Path) -> None:
    processor = Processor(tmp_path, packages=2)
    (tmp_path / "intel-rapl:1" / "energy_uj").unlink()
    meter = processor.meter()
    processor.spend(1, 50_000_000)
    assert meter.of(SECOND, "own")[1] == "tdp"


@pytest.mark.parametrize("exists", [True, False])
def test_without_counters_it_is_what_a_busy_machine_draws(tmp_path: Path, exists: bool) -> None:
    powercap = tmp_path if exists else tmp_path / "missing"
    said = Machine(name="own", nano_per_hour=1, milliwatts_busy=65_500)
    assert EnergyMeter((said,), own="own", powercap=powercap).of(2 * SECOND, "own") == (131_000_000, "tdp")
    estimated = MILLIWATTS_A_CORE * (os.cpu_count() or 1) * 1000
    assert EnergyMeter((OWN,), own="own", powercap=powercap).of(SECOND, "own") == (estimated, "tdp")


def test_another_machine_is_known_by_its_figure_or_not_at_all(tmp_path: Path) -> None:
    processor = Processor(tmp_path)
    there = Machine(name="gpu", nano_per_hour=1, milliwatts_busy=700_000)
    silent = Machine(name="silent", nano_per_hour=1)
    meter = EnergyMeter((OWN, there, silent), own="own", powercap=tmp_path, clock=lambda: processor.now)
    processor.spend(1, 50_000_000)
    assert meter.of(SECOND, "gpu") == (700_000_000, "tdp")
    assert [meter.of(SECOND, name) for name in ("silent", "unheard of", None)] == [(0, "none")] * 3
