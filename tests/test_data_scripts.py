"""The programs of data_scripts: what they say, what they leave, and how they end."""

import io
import os
import runpy
import subprocess
import sys
import tarfile
from pathlib import Path

import numbered_release
import numpy as np
import pytest
import torch
from http_server import Files, serving
from PIL import Image

import simgan_lib.datasets
from simgan_lib.__main__ import main
from simgan_lib.datasets.tools.inspection import Inspection
from simgan_lib.images import ImageSet

SCRIPTS = Path(__file__).parents[1] / "data_scripts"
NAMES = sorted(path.stem for path in SCRIPTS.glob("[a-z]*.py"))


@pytest.fixture
def program(monkeypatch):
    """`_program` of data_scripts, and the reader of numbers under every name."""
    monkeypatch.syspath_prepend(str(SCRIPTS))
    monkeypatch.setattr(simgan_lib.datasets, "reader", lambda name: numbered_release)
    import _program
    return _program


def release_of(program, *files, **more):
    return program.Release(reader="numbers", about="numbers", files=files, size=(8, 8), **more)


def packed(folder):
    """A .tar.gz of a folder, as bytes."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        archive.add(folder, folder.name)
    return content.getvalue()


# ---- each script ----
def test_there_is_one_for_each_reader():
    assert NAMES == sorted(simgan_lib.datasets.NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_help_says_size_licence_citation_and_what_to_do_by_hand(name):
    said = subprocess.run([sys.executable, SCRIPTS / f"{name}.py", "--help"], capture_output=True, text=True, timeout=60)
    assert said.returncode == 0
    for word in ("Size ", "Licence ", "By hand ", "download", "verify", "convert"):
        assert word in said.stdout
    assert name == "folder" or "Cite " in said.stdout


@pytest.mark.parametrize("name", NAMES)
def test_nothing_runs_at_import_and_nothing_heavy_is_loaded(name, tmp_path):
    """From anywhere: neither the kit's folder nor a notebook is needed."""
    code = (f"import runpy, sys; sys.path.insert(0, {str(SCRIPTS)!r}); runpy.run_path({str(SCRIPTS / (name + '.py'))!r}); "
            "print([m for m in ('torch', 'requests', 'matplotlib', 'notebook') if m in sys.modules])")
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert (said.stdout, said.stderr) == ("[]\n", "") and os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_that_is_not_there_gives_one_line_and_status_2(name, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    release = runpy.run_path(str(SCRIPTS / f"{name}.py"), run_name="imported")["RELEASE"]
    assert release.reader == name
    ended = subprocess.run([sys.executable, SCRIPTS / f"{name}.py", "convert", tmp_path / "nowhere", tmp_path / "out"],
                           capture_output=True, text=True, timeout=120)
    assert ended.returncode == 2 and ended.stderr.startswith("error: ") and ended.stderr.count("\n") == 1
    assert str(tmp_path / "nowhere") in ended.stderr and os.listdir(tmp_path) == []


@pytest.mark.parametrize("name", ["unityeyes", "kaggle", "folder"])
def test_what_no_script_may_fetch_is_told(name, tmp_path):
    ended = subprocess.run([sys.executable, SCRIPTS / f"{name}.py", "download", tmp_path], capture_output=True, text=True,
                           timeout=120)
    assert ended.returncode == 2 and ended.stderr.count("\n") == 1
    assert "https://" in ended.stderr or name == "folder"


# ---- download ----
@pytest.mark.skipif(not hasattr(tarfile, "data_filter"), reason="this Python unpacks no archives safely: too old")
def test_download_unpacks_what_it_fetched_and_convert_reads_it(program, tmp_path, capsys):
    archive = packed(numbered_release.write(tmp_path / "numbers"))
    with serving(Files({"/n.tar.gz": archive})) as address:
        release = release_of(program, ("n.tar.gz", (f"{address}/gone", f"{address}/n.tar.gz"), "page"), unpacked="Numbers")
        assert program.run(release, ["download", str(tmp_path / "data")]) == 0
        assert program.run(release, ["download", str(tmp_path / "data")]) == 0
    assert sorted(os.listdir(tmp_path / "data")) == ["Numbers", "checksums.json", "n.tar.gz"]
    assert "Numbers is there" in capsys.readouterr().out
    assert program.run(release, ["convert", str(tmp_path / "data" / "Numbers"), str(tmp_path / "out")]) == 0
    assert len(ImageSet.load(tmp_path / "out")) == 25


def test_a_failed_download_gives_one_line_and_status_2(program, tmp_path, capsys):
    with serving(Files()) as address:
        release = release_of(program, ("n.tar.gz", (f"{address}/n.tar.gz",), "https://example.org"), unpacked="Numbers")
        assert program.run(release, ["download", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: n.tar.gz: could not be fetched") and said.count("\n") == 1
    assert os.listdir(tmp_path) == []


def test_ctrl_c_gives_status_130(program, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(numbered_release, "units", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    assert program.run(release_of(program), ["convert", str(tmp_path), str(tmp_path / "out")]) == 130
    assert "the same command goes on from here" in capsys.readouterr().err


# ---- verify and convert ----
def test_verify_counts_measures_and_draws(program, tmp_path, capsys):
    folder = numbered_release.write(tmp_path / "numbers")
    sheet = tmp_path / "sheet.png"
    assert program.run(release_of(program, whole=30), ["verify", str(folder), "--sheet", str(sheet), "--workers", "1"]) == 0
    said = capsys.readouterr().out
    for line in ("images    25   (the whole release: 30)", "shape     (1, 8, 8), uint8", "pitch     0.0009766 to 0.02832",
                 "yaw       -0.02832 to -0.0009766", "blank     25", "skipped   5; 5 zero", "file      6: 00000 (3), 00001 (5)",
                 f"look at   {sheet}: 25 images, each beside its copy with what is labelled: gaze"):
        assert line in said
    drawn = np.asarray(Image.open(sheet).convert("L"))
    assert drawn.shape[1] > 500 and len(np.unique(drawn)) > 20


def test_verify_takes_an_image_set_too(program, tmp_path, capsys):
    folder = numbered_release.write(tmp_path / "numbers")
    program.run(release_of(program), ["convert", str(folder), str(tmp_path / "out"), "--workers", "1"])
    assert program.run(release_of(program), ["verify", str(tmp_path / "out"), "--sheet", str(tmp_path / "s.png")]) == 0
    assert "images    25\n" in capsys.readouterr().out


def test_verify_counts_damaged_files_and_goes_on(program, tmp_path, capsys):
    folder = numbered_release.write(tmp_path / "numbers")
    (folder / "00003.bin").write_bytes(b"abc")
    assert program.run(release_of(program), ["verify", str(folder), "--sheet", str(tmp_path / "s.png"), "--workers", "1"]) == 0
    assert "1 file damaged" in capsys.readouterr().out


def test_convert_says_what_was_skipped_and_where_it_went_on(program, tmp_path, capsys):
    folder = numbered_release.write(tmp_path / "numbers")
    (folder / "00003.bin").write_bytes(b"abc")
    words = ["convert", str(folder), str(tmp_path / "out"), "--workers", "1"]
    assert program.run(release_of(program), words) == 2
    assert capsys.readouterr().err.count("\n") >= 1 and not (tmp_path / "out").exists()
    assert program.run(release_of(program), [*words, "--skip-damaged"]) == 0
    assert "21 images" in (said := capsys.readouterr().out) and "skipped: 1 file damaged; 4 zero" in said
    assert "\nlabels gaze; groups file (5 numbers)\n" in said
    assert program.run(release_of(program), [*words, "--skip-damaged"]) == 0
    assert "went on after 6 of 6 pieces" in capsys.readouterr().out


@pytest.mark.parametrize("words, said", [(["--size", "0", "8"], "--size: expected a whole number from 1 to 1,024, found '0'"),
                                         (["--workers", "0"], "--workers: expected a whole number from 1")])
def test_numbers_that_make_no_sense(program, tmp_path, capsys, words, said):
    folder = numbered_release.write(tmp_path / "numbers")
    with pytest.raises(SystemExit) as end:
        program.run(release_of(program), ["convert", str(folder), str(tmp_path / "out"), *words])
    error = capsys.readouterr().err
    assert end.value.code == 2 and said in error and error.count("\n") == 1


def test_the_command_line_trains_on_converted_sets(program, tmp_path):
    folder = numbered_release.write(tmp_path / "numbers")
    release = release_of(program)
    for size in ("24", "26"):
        program.run(release, ["convert", str(folder), str(tmp_path / size), "--workers", "1", "--size", "24", size])
    settings = "steps=1 batch=4 refiner_warmup=1 discriminator_warmup=1 buffer=4 width=4 blocks=1 noise=0"
    tiny = [word for setting in settings.split() for word in ("--set", setting)] + ["--device", "cpu"]
    assert main(["train", str(tmp_path / "24"), str(tmp_path / "24"), str(tmp_path / "r.safetensors"), *tiny]) == 0
    assert main(["refine", str(tmp_path / "r.safetensors"), str(tmp_path / "24"), str(tmp_path / "refined")]) == 0
    assert ImageSet.load(tmp_path / "refined").groups["file"].tolist() == ImageSet.load(tmp_path / "24").groups["file"].tolist()
    assert main(["train", str(tmp_path / "24"), str(tmp_path / "26"), str(tmp_path / "s.safetensors"), *tiny]) == 2


def test_the_sample_of_an_inspection_is_fair_and_in_order():
    """Over many seeds each of 30 images is drawn about equally often, whatever the parts."""
    counts = torch.zeros(30)
    for seed in range(300):
        found = Inspection(6, seed)
        for at, n in ((0, 3), (3, 0), (3, 20), (23, 7)):
            values = torch.arange(at, at + n)
            found.add(ImageSet(values.to(torch.uint8)[:, None, None, None].expand(n, 1, 2, 2), {"number": values.float()}))
        drawn = found.sample.images[:, 0, 0, 0].long()
        assert len(drawn) == 6 and torch.equal(drawn, drawn.sort().values)
        assert found.sample.labels["number"].long().tolist() == drawn.tolist()
        counts[drawn] += 1
    assert counts.min() > 30 and counts.max() < 95                  # 60 expected, 7 the standard deviation


def test_numbers_that_are_none_are_counted():
    found = Inspection()
    found.add(ImageSet(torch.zeros(2, 1, 2, 2, dtype=torch.uint8), {"gaze": torch.tensor([[0.5, float("nan")], [0.1, 0.2]])}))
    lines = list(found.lines())
    assert "pitch     0.1 to 0.5, 5.7 to 28.6 degrees" in lines
    assert "yaw       0.2 to 0.2, 11.5 to 11.5 degrees, 1 numbers that are none" in lines
