"""`otgan train`: runs on disk that go on, one-line errors, and numbers that are those of the library."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from functools import partial, wraps
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from otgan.cli.main import main
from otgan.gan import SYSTEMS, evaluate, get_data, open_run, read_frames, train_gan
from otgan.gan.classifier import train_classifier
from otgan.quality import Extractor
from tests.report.pages import check_alone

ROOT = Path(__file__).parents[2]
TINY = ["--steps", 4, "--batch-size", 8, "--hidden", "4,4", "--n-critic", 1, "--samples", 30]
FEW_LOOKS = partial(train_gan, n_samples=20)


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("otgan.gan.train_gan", FEW_LOOKS)


@pytest.fixture
def _undrawn(monkeypatch):
    """No pictures where no test looks at them."""
    monkeypatch.setattr("otgan.report.gan_write.save_png", lambda figure, path: Path(path).write_bytes(b""))
    monkeypatch.setattr("otgan.report.gan_write.as_svg", lambda figure: b"<svg></svg>")


@pytest.fixture
def run(capsys):
    def call(*arguments):
        with pytest.raises(SystemExit) as stop:
            main(["train", *map(str, arguments)])
        out, err = capsys.readouterr()
        return stop.value.code, out, err

    return call


def test_a_run_as_a_person_sees_it(run, tmp_path):
    code, out, err = run(*TINY, "--movie", "--seed", 2)
    assert (code, err) == (0, "")
    folder = tmp_path / "runs" / "8gaussians-wgan-gp-2"
    assert {path.name for path in folder.iterdir()} == {
        "settings.json", "log.jsonl", "checkpoint.safetensors", "data.json", "snapshots.npz", "samples.png",
        "curves.png", "report.html", "report.md", "report.json", "movie.gif", "movie.png",
    }  # fmt: skip
    assert "wgan-gp on 8gaussians, seed 2, step 4" in out
    for words in ("Exact W1 to held-out points", "real again", "Modes covered", "Mode KL", "Sliced W1", "≤ W1 ≤"):
        assert words in out
    command = "otgan train --steps 4 --batch-size 8 --hidden 4,4 --n-critic 1 --seed 2 --samples 30 --movie"
    assert f"Again: {command}\n" in out
    made = "report.html, report.md, samples.png, curves.png, movie.gif, movie.png"
    assert f"In runs/8gaussians-wgan-gp-2: {made}" in out
    page = (folder / "report.md").read_text()
    assert "# wgan-gp on 8gaussians, seed 2, step 4" in page
    assert "](samples.png)" in page
    assert "](curves.png)" in page
    assert read_frames(folder / "snapshots.npz").steps == (1, 2, 3, 4)
    page = check_alone((folder / "report.html").read_text(), pictures=3)
    assert f"<code>{command}</code>" in (folder / "report.html").read_text()
    # Judged anew without a word of a movie, the page keeps the one that is there.
    before = (folder / "movie.gif").read_bytes()
    assert run(*TINY, "--seed", 2)[1].count("movie.gif") == 1
    assert (folder / "movie.gif").read_bytes() == before
    again = check_alone((folder / "report.html").read_text(), pictures=3)
    assert again.all("img") == page.all("img")


@pytest.mark.usefixtures("_undrawn")
def test_the_numbers_are_those_of_the_library(run):
    code, out, _ = run(*TINY, "--std", 0.02, "--set", "penalty_weight=0.5", "--seed", 1, "--json")
    content = json.loads(out)
    assert code == 0
    opened = open_run("runs/8gaussians-std0.02-wgan-gp-1")
    assert (opened.learnt.system.penalty_weight, opened.learnt.system.n_critic) == (0.5, 1)
    assert opened.learnt.task.hidden == (4, 4)
    assert content["numbers"] == evaluate(opened.learnt, get_data("8gaussians", std=0.02), n=30, seed=1).numbers
    assert json.loads(Path("runs/8gaussians-std0.02-wgan-gp-1/report.json").read_text()) == content


@pytest.mark.usefixtures("_undrawn")
def test_a_file_of_points_and_a_folder_that_is_opened_again(run, tmp_path):
    points = np.random.default_rng(0).normal(size=(80, 3))
    np.savetxt("mine.csv", points, delimiter=",", header="u,v,w", comments="", fmt="%.17g")
    command = ["--data", "mine.csv", "--columns", "u,w", *TINY, "--json"]
    code, out, err = run(*command)
    assert (code, err) == (0, "")
    content = json.loads(out)
    assert content["data"] == "mine"
    assert content["numbers"]["n"] == 20  # a quarter is held out
    note = json.loads(Path("runs/mine-wgan-gp-0/data.json").read_text())
    assert note == {"data": str(tmp_path / "mine.csv"), "std": None, "columns": "u,w"}
    checkpoint = Path("runs/mine-wgan-gp-0/checkpoint.safetensors")
    before = checkpoint.stat().st_mtime_ns
    assert run(*command)[1] == out
    assert checkpoint.stat().st_mtime_ns == before  # what is done is not done again


@pytest.mark.usefixtures("_undrawn")
def test_what_was_interrupted_goes_on_to_the_same_bits(run, monkeypatch):
    command = [*TINY, "--data", "moons", "--json", "--out"]
    whole = run(*command, "whole")[1]

    def stop(step, numbers):
        if step == 3:
            raise KeyboardInterrupt

    @wraps(train_gan)
    def killed(*arguments, callbacks, **options):
        return FEW_LOOKS(*arguments, callbacks=[*callbacks, stop], checkpoint_seconds=1e-9, **options)

    monkeypatch.setattr("otgan.gan.train_gan", killed)
    code, out, err = run(*command, "cut")
    assert (code, out) == (130, "")
    stands, last = err.splitlines()
    assert stands.startswith("otgan: training stands at step 2; go on with: otgan train --data moons --steps 4")
    assert stands.endswith("--out cut --json")
    assert last == "otgan: interrupted"
    assert open_run("cut").step == 2
    monkeypatch.setattr("otgan.gan.train_gan", FEW_LOOKS)
    assert run(*command, "cut")[1] == whole
    for name in ("log.jsonl", "checkpoint.safetensors"):
        assert Path("cut", name).read_bytes() == Path("whole", name).read_bytes()
    one, other = (read_frames(Path(name, "snapshots.npz")) for name in ("cut", "whole"))
    assert one.steps == other.steps
    assert np.array_equal(one.points, other.points)


@pytest.mark.usefixtures("_undrawn")
def test_ctrl_c_in_a_process_of_its_own_goes_on_to_the_same_bits(run, monkeypatch):
    monkeypatch.setattr("otgan.gan.train_gan", train_gan)
    # On the line, where looks at the exact distance take no time.
    np.savetxt("line.csv", np.random.default_rng(0).normal(size=(200, 1)))
    command = [*TINY, "--data", "line.csv", "--steps", 1500, "--json", "--out"]
    with subprocess.Popen(
        [sys.executable, "-m", "otgan", "train", *map(str, command), "cut"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)},
        # A test run in the background ignores SIGINT, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:  # fmt: skip
        deadline, log = time.monotonic() + 60, Path("cut", "log.jsonl")
        while not (log.exists() and log.stat().st_size) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        try:
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, out) == (130, "")
    stands, last = err.splitlines()
    found = re.fullmatch(r"otgan: training stands at step (\d+); go on with: otgan (train .* --out cut --json)", stands)
    assert last == "otgan: interrupted"
    assert open_run("cut").step == int(found[1]) < 1500
    assert {path.name for path in Path("cut").iterdir()} == {
        "checkpoint.safetensors", "data.json", "log.jsonl", "settings.json"
    }  # fmt: skip
    goes_on = run(*shlex.split(found[2])[1:])
    assert goes_on == run(*command, "whole")
    assert goes_on[0] == 0
    for name in ("log.jsonl", "checkpoint.safetensors"):
        assert Path("cut", name).read_bytes() == Path("whole", name).read_bytes()


@pytest.mark.usefixtures("_undrawn")
def test_a_precision_is_asked_for_and_kept(run):
    pytest.importorskip("lightning_fabric")
    code, out, err = run(
        *TINY, "--precision", "bf16-mixed", "--device", "cpu", "--devices", 1, "--out", "one", "--json"
    )
    assert (code, err) == (0, "")
    assert json.loads(Path("one/settings.json").read_text())["precision"] == "bf16-mixed"
    assert json.loads(out)["numbers"]["n"] == 30
    code, _, err = run(*TINY, "--out", "one", "--json")
    assert code == 2
    assert 'precision: "bf16-mixed" there, nothing now' in err


@pytest.mark.slow
def test_two_processes_are_one_command(tmp_path):
    """Ctrl-C reaches both, one of them speaks, and the same command goes on to the same bits."""
    pytest.importorskip("lightning_fabric")
    words = [*TINY[2:], "--data", "moons", "--steps", 60, "--devices", 2, "--json", "--out"]
    command = [sys.executable, "-m", "otgan", "train", *map(str, words)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "1"}
    start = partial(
        subprocess.Popen, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path,
        start_new_session=True,
        # A test run in the background ignores SIGINT, and so would its children.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    with start([*command, "whole"]) as whole:
        out, err = whole.communicate(timeout=250)
    assert (whole.returncode, err) == (0, "")
    assert json.loads(out)["numbers"]["n"] == 30
    with start([*command, "cut"]) as cut:
        log = tmp_path / "cut" / "log.jsonl"
        while cut.poll() is None and not (log.exists() and log.read_bytes().count(b"\n") > 2):
            time.sleep(0.05)
        os.killpg(cut.pid, signal.SIGINT)
        out, err = cut.communicate(timeout=250)
    assert (cut.returncode, out) == (130, "")
    stands, last = err.splitlines()
    assert stands.startswith("otgan: training stands at step ")
    assert last == "otgan: interrupted"
    with start([*command, "cut"]) as again:
        assert again.communicate(timeout=250)[1] == ""
    for name in ("settings.json", "log.jsonl", "checkpoint.safetensors"):
        assert Path("cut", name).read_bytes() == Path("whole", name).read_bytes()


@pytest.mark.usefixtures("_undrawn")
def test_other_settings_are_refused_and_leave_the_run_as_it_is(run):
    assert run(*TINY, "--out", "one", "--json")[0] == 0
    before = {path.name: path.read_bytes() for path in Path("one").iterdir()}
    code, out, err = run(*TINY, "--data", "moons", "--out", "one")
    assert (code, out) == (2, "")
    assert 'otgan: --out must hold a training of the same options and data, got data: "8gaussians" there' in err
    assert "pass another --out, or delete one to train anew" in err
    assert {path.name: path.read_bytes() for path in Path("one").iterdir()} == before


def test_methods_are_listed(run):
    code, out, _ = run("--list")
    assert code == 0
    for name in SYSTEMS:
        assert name in out
    assert "penalty_weight=" in out
    rows = json.loads(run("--list", "--json")[1])
    assert [row["name"] for row in rows] == list(SYSTEMS)
    of_wgan_gp = next(row for row in rows if row["name"] == "wgan-gp")["options"]
    assert of_wgan_gp == asdict(SYSTEMS["wgan-gp"]())


@pytest.mark.usefixtures("_undrawn")
def test_a_movie_of_images(run, monkeypatch):
    monkeypatch.setattr("otgan.gan.compare.train_classifier", partial(train_classifier, steps=3))
    code, _, err = run("--data", "digits", "--net", "mlp", *TINY, "--movie", "--out", "one")
    assert (code, err) == (0, "")
    frames = read_frames("one/snapshots.npz")
    assert (frames.steps, frames.points.shape) == ((1, 2, 3, 4), (4, 64, 64))
    drawn = open_run("one").learnt.sample(64, np.random.default_rng([0, 2]))
    np.testing.assert_allclose(frames.points[3], np.clip(drawn, 0, 1), rtol=0, atol=0.5 / 255 + 1e-12)
    with Image.open("one/movie.gif") as movie:
        assert movie.n_frames == 4
    assert Path("one/movie.png").exists()


@pytest.mark.usefixtures("_undrawn")
def test_images_have_classes_and_a_name_of_any_kind_is_plain_text(run, monkeypatch):
    monkeypatch.setattr("otgan.gan.compare.train_classifier", partial(train_classifier, steps=3))
    code, out, _ = run("--data", "digits", "--net", "mlp", *TINY, "--json")
    assert code == 0
    found = json.loads(out)["numbers"]
    assert 1 <= found["classes_found"] <= 10
    assert found["frechet"] > found["real_frechet"]
    hostile = "a|b [bold]$x$ <i>.csv"
    np.savetxt(hostile, np.random.default_rng(0).normal(size=(60, 2)), delimiter=",")
    code, out, _ = run("--data", hostile, *TINY)
    assert code == 0
    assert "wgan-gp on a|b [bold]$x$ <i>, seed 0" in out
    page = Path("runs/a|b [bold]$x$ <i>-wgan-gp-0/report.md").read_text()
    assert r"a\|b \[bold\]$x$ &lt;i&gt;" in page


@pytest.mark.usefixtures("_undrawn")
def test_inception_judges_images_by_a_file_of_weights(run, monkeypatch):
    small = train_classifier(get_data("digits"), steps=3)

    class Stub:
        extractor = Extractor("Inception", is_inception=True)
        features, probabilities = small.features, small.probabilities

    asked = []
    monkeypatch.setattr("otgan.gan.inception.Inception", lambda *arguments: asked.append(arguments) or Stub())
    code, out, _ = run("--data", "digits", "--net", "mlp", *TINY, "--inception", "weights.pth", "--json")
    assert (code, asked) == (0, [((1, 8, 8), Path("weights.pth"))])
    content = json.loads(out)
    assert content["features"] == "Inception"
    generated = open_run("runs/digits-wgan-gp-0").learnt
    expected = evaluate(generated, get_data("digits"), classifier=Stub(), n=30).numbers
    assert content["numbers"]["fid"] == expected["fid"]


MOVIE = "--movie must come with points in the plane, or with images of which 40 together take 16 MiB at most"
BAD = [
    (["--data", "nonsense"], "data must be one of"),
    (["--data", "absent.csv"], "absent.csv"),
    (["--data", "text.csv"], "text.csv"),
    (["--data", "moons", "--std", "0.1"], "std must be left out"),
    (["--data", "8gaussians", "--columns", "u"], "columns must be left out"),
    (["--std", "1e300"], "must be in"),
    (["--std", "0"], "std must be in (0, inf)"),
    (["--method", "nonsense"], "method must be one of"),
    (["--set", "learning_rate"], "--set must be name=value, got 'learning_rate'"),
    (["--set", "learning_rate="], "--set must be name=value"),
    (["--set", "nonsense=1"], "--set must name a hyper-parameter of wgan-gp (gain, n_critic, learning_rate, "),
    (["--set", "name=evil"], "--set must name a hyper-parameter of wgan-gp"),
    (["--set", "n_critic=many"], "n_critic must be an integer, got 'many'"),
    (["--set", "n_critic=2.5"], "n_critic must be an integer"),
    (["--set", "penalty_weight=nan"], "penalty_weight must be in"),
    (["--set", "n_critic=1", "--set", "n_critic=2"], "--set must give n_critic once"),
    (["--set", "n_critic=1", "--n-critic", "2"], "--set must not repeat --n-critic"),
    (["--method", "flow-matching", "--n-critic", "2"], "--n-critic must come with a method that has it"),
    (["--n-critic", "0"], "n_critic must be at least 1"),
    (["--steps", "0"], "steps must be at least 1"),
    (["--batch-size", "0"], "batch_size must be at least 1"),
    (["--hidden", "wide"], "--hidden must be widths with commas, got 'wide'"),
    (["--hidden", "0"], "hidden must be at least 1"),
    (["--noise-dim", "0"], "noise_dim must be at least 1"),
    (["--net", "dcgan"], "net must be 'mlp'"),
    (["--ema", "1"], "ema must be in"),
    (["--device", "nonsense"], "device must be one that is here"),
    (["--devices", "0"], "--devices must be between 1 and 1024, got 0"),
    (["--devices", "1", "--device", "nonsense"], "device must be one that is here"),
    (
        ["--precision", "16-mixed"],
        "--precision must be 32-true or bf16-mixed, got 16-mixed, whose float16 needs",
    ),
    (["--precision", "double"], "--precision must be 32-true or bf16-mixed, got double, while weights are of float32"),
    (["--data", "few.csv"], "held-out points must be more than k = 5 points, got 3; give more points"),
    (["--samples", "5"], "n must be more than k = 5 points, got 5"),
    (["--samples", "1"], "--samples must be at least 2"),
    (["--seed", "-1"], "--seed must be at least 0"),
    (["--threads", "0"], "--threads must be between 1 and 1024"),
    (["--data", "line.csv", "--movie"], f"{MOVIE}, got shape (1,); leave it out, or scale images down"),
    (["--data", "large.npy", "--movie"], f"{MOVIE}, got shape (1, 650, 650); leave it out, or scale images down"),
    (["--inception", "file"], "--inception must come with images, got points of shape (2,); leave it out"),
    (["--out", "file"], "file"),
]


@pytest.mark.parametrize(
    ("arguments", "message"), BAD, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_bad_input_is_one_line_and_code_2(run, arguments, message):
    Path("text.csv").write_text("u,v\n1,two\n")
    Path("few.csv").write_text("u,v\n" + "".join(f"{k},{k * k}\n" for k in range(12)))
    Path("line.csv").write_text("\n".join(map(str, range(20))))
    if "large.npy" in arguments:
        np.save("large.npy", np.zeros((4, 650, 650), dtype=np.uint8))
    Path("file").write_text("in the way of a folder")
    code, out, err = run("--steps", "3", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("otgan: ")
    assert err.count("\n") == 1
    assert message in err
    assert not Path("runs").exists()
