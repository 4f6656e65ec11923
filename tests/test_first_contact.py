"""The register of first contacts: entered once, never again, and printed as the figure to expect."""

import pytest

from calculator.evaluation import contact, page
from calculator.evaluation.__main__ import main

ROWS = """row_id,source_id,model,params_b,method,\
weight_dtype,optimizer,seq_len,seq_len_kind,micro_batch,grad_checkpointing,\
sharding,n_gpus,measured_peak_gib,memory_metric,row_kind,completeness
T1,{source},Qwen/Qwen2.5-7B,,lora,bf16,adamw,2048,packed,1,yes,none,1,22,torch reserved,peak,A
T2,{source},an unknown thing,,lora,bf16,adamw,2048,packed,1,yes,none,1,22,torch reserved,peak,B
"""


@pytest.fixture
def rows(tmp_path):
    def save(source):
        path = tmp_path / "rows.csv"
        path.write_text(ROWS.format(source=source))
        return str(path)

    return save


def test_a_new_source_is_entered_with_its_complete_rows_and_with_all(rows):
    made = {entry.kind: entry for entry in contact.judge("training-memory", rows("new"), date="", version="")}
    assert (made["complete rows"].rows, made["complete rows"].refused) == (1, 0)
    assert (made["all rows"].rows, made["all rows"].refused) == (2, 1)
    assert made["complete rows"].median_error == made["all rows"].median_error is not None


@pytest.mark.parametrize("source", ["stas-h200-b200", "torchtune-readme-flags"])
def test_a_source_that_was_met_before_is_refused(rows, source, capsys):
    """The first is in the register, the second among the rows that the package is fitted to."""
    assert main(["first-contact", "training-memory", rows(source), "--date", "2026-11-28"]) == 1
    assert source in capsys.readouterr().err


def test_each_source_stands_in_the_register_once_for_each_quantity_and_kind():
    keys = [(entry.what, entry.quantity, entry.source, entry.kind) for entry in contact.register()]
    assert len(keys) == len(set(keys))
    assert contact.as_csv(contact.register()) == contact.PATH.read_text("utf-8")


def test_the_figure_to_expect_counts_sources_alike_and_is_on_the_page():
    for (what, quantity), found in contact.expected().items():
        own = {e.source: e.median_error for e in contact.register()
               if (e.what, e.quantity, e.kind) == (what, quantity, "all rows")}
        assert found.sources + found.refusing == len(own)
        assert found.worst_error >= found.median_error
        assert page.escape(quantity[1:]) in page.render("first-contact")
