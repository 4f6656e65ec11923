"""A device's figures for the laws: what its row says, and what stands in where it is silent."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest

from calculator.catalogs import accelerator, accelerators
from calculator.llm import hardware
from calculator.llm.hardware import machine

H100 = accelerator("NVIDIA H100 SXM")


@pytest.mark.parametrize("name", sorted(accelerators()))
def test_every_device_has_figures_that_can_be(name):
    found = machine(accelerator(name))
    assert 0 < found.matmul_flops <= found.peak_flops <= found.peak_8_bit <= found.peak_4_bit
    assert found.plain_flops > 0
    assert 0 < found.network <= found.link
    assert found.bus > 0
    assert found.domain >= 1


def test_figures_are_those_of_the_row():
    found = machine(H100)
    assert (found.matmul_flops, found.peak_flops, found.peak_8_bit) == (794.5e12, 989e12, 1979e12)
    assert (found.bandwidth, found.link, found.bus) == (3350e9, 450e9, 64e9)
    assert found.assumed == ()


def test_one_link_has_one_speed_and_a_card_without_peer_access_is_slower_than_its_bus():
    geforce = machine(accelerator("NVIDIA RTX 4090"))
    assert geforce.link < geforce.bus < machine(H100).bus
    assert machine(accelerator("NVIDIA V100 SXM 32GB")).link == 150e9


def test_what_is_assumed_is_named():
    bare = replace(
        H100, bf16_tflops=None, fp16_tflops=None, fp8_tflops=None, matmul_tflops=None, matmul_share=None,
        plain_tflops=None, link_gb_per_s=None, host_gb_per_s=None,
    )
    assert machine(bare).assumed == ("peak", "matmul", "plain", "bus", "link")
    with pytest.raises(ValueError, match="accelerator: no memory bandwidth is known for NVIDIA H100 SXM"):
        machine(replace(H100, bandwidth_gb_per_s=None))


def test_no_law_names_a_device():
    words = {word for device in accelerators().values() for word in device.name.split()}
    marks = {word for word in words if any(c.isdigit() for c in word) and not word.isdigit()} - {"4th", "8"}
    for path in (Path(hardware.__file__),):
        literals = {
            node.value for node in ast.walk(ast.parse(path.read_text("utf-8")))
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "\n" not in node.value
        }
        named = {text for text in literals if set(text.split()) & marks and len(text) < 40}
        assert not named, f"{path.name} names {named}"
