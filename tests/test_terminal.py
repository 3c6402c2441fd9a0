"""What the commands show: help, completion, progress with a terminal and without, where to look."""

import json
import sys
import time

import pytest
import typer

from kerasgan import cli
from kerasgan.cli import common
from kerasgan.cli.train import where_to_look
from kerasgan.utils import machine, progress

GROUP = typer.main.get_command(common.app)
COMMANDS = [
    [name, *inner]
    for name, command in GROUP.commands.items()
    for inner in [[], *([each] for each in getattr(command, "commands", {}))]
]


def run(capsys, *arguments):
    """Runs a command within this process; returns its exit code and what it printed."""
    with pytest.raises(SystemExit) as stopped:
        cli.main([str(each) for each in arguments])
    return stopped.value.code, capsys.readouterr().out


@pytest.mark.parametrize("command", [[], *COMMANDS], ids=" ".join)
def test_help_reads_well_on_80_columns(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, out = run(capsys, *command, "--help")
    assert code == 0 and max(map(len, out.splitlines())) <= 80
    assert "..." not in out.partition("Commands:")[2]  # no command's description is cut
    assert " / --no-" not in out and "9223372036854775807" not in out


def complete(capsys, monkeypatch, *words):
    """Returns what the shell is told when the last of some words is completed."""
    monkeypatch.setenv("_KERASGAN_COMPLETE", "complete_bash")
    monkeypatch.setenv("COMP_WORDS", " ".join(["kerasgan", *words]))
    monkeypatch.setenv("COMP_CWORD", str(len(words)))
    return run(capsys)[1].split()


def test_the_shell_completes_commands_models_entries_and_benchmarks(capsys, monkeypatch):
    assert complete(capsys, monkeypatch, "in") == ["inspect"]
    assert {"train", "doctor", "data"} <= set(complete(capsys, monkeypatch, ""))
    assert complete(capsys, monkeypatch, "train", "--model", "dcg") == ["dcgan"]
    assert complete(capsys, monkeypatch, "sample", "dcgan_f") == ["dcgan_fashion_mnist"]
    assert "dcgan_cifar10" in complete(capsys, monkeypatch, "train", "dcgan_")
    assert complete(capsys, monkeypatch, "benchmark", "fi") == ["fid", "fine_tuning"]


def test_the_shells_script_is_shown(capsys, monkeypatch):
    monkeypatch.setenv("_KERASGAN_COMPLETE", "source_bash")
    assert "complete -o default -F _kerasgan_completion kerasgan" in run(capsys)[1]


def test_a_log_gets_lines_in_place_of_a_bar(capsys, monkeypatch):
    for done in (False, True):
        bar = progress.Bar(2000, "sound", every=0.0 if done else 30.0)
        bar.add(500)
        bar.add(1500)
    assert capsys.readouterr().out == "500 of 2,000 sounds\n2,000 of 2,000 sounds\n"
    list(progress.shown([[0], [0]], 2, patience=-1.0))
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(progress, "redraws", lambda: True)
    list(progress.shown([[0], [0]], 2, patience=-1.0))
    assert "2/2" in capsys.readouterr().out


def test_a_finished_run_says_where_to_look(tmp_path):
    (tmp_path / "result.json").write_text("{}")
    (tmp_path / "samples.png").write_bytes(b"")
    text = where_to_look(tmp_path)
    assert "samples.png" in text and "progress.png" not in text
    assert f"kerasgan sample {tmp_path}" in text and "kerasgan export" in text
    assert max(map(len, where_to_look("runs/mine").splitlines())) <= 80


def test_a_benchmark_ends_by_naming_what_it_wrote(tmp_path, capsys):
    (tmp_path / "old.jsonl").write_text("{}")
    (tmp_path / "more.jsonl").write_text("{}")

    def script(output):
        time.sleep(0.01)
        (output / "more.jsonl").write_text("{}{}")
        (output / "new.png").write_bytes(b"")

    common.told(script)(output=tmp_path)
    expected = f"\nLook at\n  {tmp_path / 'more.jsonl'}\n  {tmp_path / 'new.png'}\n"
    assert capsys.readouterr().out == expected
    common.told(lambda output: None)(output=tmp_path)
    assert capsys.readouterr().out == ""


def test_doctor_tells_what_is_missing_and_how_to_install_it(monkeypatch, capsys):
    monkeypatch.setattr(
        machine.importlib.metadata,
        "requires",
        lambda name: ['nowhere>=1; extra == "hub"', "numpy>=99", 'numpy>=1; extra == "tflite"'],
    )
    metadata = {"Provides-Extra": ["hub", "tflite", "test"]}
    metadata = type("Metadata", (), {"get_all": staticmethod(metadata.get)})
    monkeypatch.setattr(machine.importlib.metadata, "metadata", lambda name: metadata)
    extras = machine.extras()
    assert extras["hub"] == 'nowhere missing: pip install "kerasgan[hub]"'
    assert "pip" not in extras["tflite"] and "test" not in extras
    assert "needs >=99" in machine.unfit()["numpy"]


def test_doctor_prints_a_report_also_as_json(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("KERASGAN_CACHE", str(tmp_path))
    code, out = run(capsys, "doctor")
    assert code == 0 and {"versions", "devices", "caches"} <= set(out.splitlines())
    assert f"{tmp_path}, 0.000 GB" in out and "fastest precision" in out
    report = json.loads(run(capsys, "doctor", "--json")[1])
    assert report["settings"]["KERASGAN_CACHE"] == str(tmp_path)
    assert report["versions"]["Python"] == sys.version.split()[0]


def test_doctor_also_works_without_tensorflow(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    assert "cannot be imported" in machine.report()["devices"]["TensorFlow"]
