import contextlib
import io
import os
import pickle
import re
import struct
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otgan import files
from otgan.errors import (
    FileFormatError,
    InvalidShapeError,
    InvalidValueError,
    MissingDependencyError,
    OtganError,
)
from otgan.files import read_points

POINTS = np.array([[1.0, 2.0], [3.0, -4.5], [5e-3, 6.0]])


def put(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def refused(path, pattern, error=FileFormatError, **options):
    with pytest.raises(error, match=pattern) as caught:
        read_points(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 700
    assert Path(path).name[:20] in message


def npy_header(shape, dtype="<f8", version=(1, 0)):
    text = repr({"descr": dtype, "fortran_order": False, "shape": shape}).encode() + b"\n"
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H" if version == (1, 0) else "<I", len(text)) + text


class TestText:
    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("a.csv", "1,2\n3,-4.5\n5e-3,6\n"),
            ("a.csv", "x,y\n1,2\n3,-4.5\n5e-3,6"),
            ("a.CSV", "x,y\r\n1,2\r\n3,-4.5\r\n5e-3,6\r\n"),
            ("a.csv", "\ufeffx,y\n1,2\n3,-4.5\n5e-3,6\n"),
            ("a.csv", "\ufeff1,2\n3,-4.5\n5e-3,6\n"),
            ("a.csv", "\n  \nx,y\n\n1,2\n   \n3,-4.5\n5e-3,6\n\n"),
            ("a.csv", '"x","y, in m"\n"1", 2\n3,"-4.5"\n5e-3,6\n'),
            ("a.csv", "x;y\n1;2\n3;-4.5\n5e-3;6\n"),
            ("a.tsv", "x\ty\n1\t2\n3\t-4.5\n5e-3\t6\n"),
            ("a.txt", "x,y\n1,2\n3,-4.5\n5e-3,6\n"),
            ("a.txt", "1\t2\n3\t-4.5\n5e-3\t6\n"),
            ("a.txt", "\n  1   2\n3 -4.5  \n\n5e-3 6\n"),
        ],
    )
    def test_reads_all_columns(self, tmp_path, name, content):
        points, weights = read_points(put(tmp_path, name, content))
        assert points.dtype == np.float64
        np.testing.assert_array_equal(points, POINTS)
        assert weights is None

    def test_savetxt_round_trip_is_exact(self, tmp_path):
        points = np.random.default_rng(0).standard_normal((20, 3))
        np.savetxt(tmp_path / "a.txt", points)
        np.testing.assert_allclose(read_points(tmp_path / "a.txt")[0], points, rtol=1e-15)

    def test_one_column(self, tmp_path):
        assert read_points(put(tmp_path, "a.csv", "x\n1\n2\n"))[0].shape == (2, 1)

    @pytest.mark.parametrize("columns", [["y", "x"], [2, 1], ["2", "1"], ["y", 1], (np.int64(2), "x")])
    def test_columns_by_name_and_position(self, tmp_path, columns):
        path = put(tmp_path, "a.csv", "label,x,y\na,1,2\nb,3,4\n")
        np.testing.assert_array_equal(read_points(path, columns=columns)[0], [[2, 1], [4, 3]])

    @pytest.mark.parametrize("column", ["x", 1, "1"])
    def test_one_column_needs_no_list(self, tmp_path, column):
        path = put(tmp_path, "a.csv", "label,x\na,1\nb,3\n")
        np.testing.assert_array_equal(read_points(path, columns=column)[0], [[1], [3]])

    def test_columns_without_header(self, tmp_path):
        np.testing.assert_array_equal(read_points(put(tmp_path, "a.csv", "1,2\n3,4\n"), columns=["1"])[0], [[2], [4]])

    @pytest.mark.parametrize("weights", ["w", 1, "1"])
    def test_weights_column_is_no_coordinate(self, tmp_path, weights):
        points, mass = read_points(put(tmp_path, "a.csv", "x,w,y\n1,.25,2\n3,.75,4\n"), weights=weights)
        np.testing.assert_array_equal(points, [[1, 2], [3, 4]])
        np.testing.assert_array_equal(mass, [0.25, 0.75])

    def test_weights_are_only_read(self, tmp_path):
        _, mass = read_points(put(tmp_path, "a.csv", "x,w\n1,-5\n3,nan\n"), weights="w", columns=["x"])
        np.testing.assert_array_equal(mass, [-5, np.nan])

    @pytest.mark.parametrize(
        ("content", "options", "pattern"),
        [
            ("x,s\n1,2\n3,red\n", {}, r"numbers only, got 'red' in column 's', line 3; choose .* --columns"),
            ("x,y\n1,\n", {}, "got '' in column 'y', line 2"),
            ("x,y\n1,1_000\n", {}, "got '1_000' in column 'y'"),
            ("1,2\n3,oops\n", {}, "got 'oops' in column '1', line 2"),
            ("1,2\n\n3\n", {}, "2 entries in each row, as in its first, got 1 in line 3"),
            ("x,y\n1,2,3\n", {}, "got 3 in line 2"),
            ("", {}, "hold points, got an empty file"),
            ("\n \n\n", {}, "hold points, got an empty file"),
            ("x,y\n", {}, "hold points, got a header only"),
            ("setosa,5.1\nvirginica,6.3\n", {"columns": [1]}, "names or with numbers, got '5.1' in a row with text"),
            ("1.0,,3.0\n1,2,3\n", {}, "names or with numbers|row labels"),
            (",x,y\n0,1,2\n", {}, "row labels in column 0; .*index=False"),
            ("x,y\n1,2\n", {"columns": ["z"]}, "have a column 'z', got the columns x, y; choose a name"),
            ("x,y\n1,2\n", {"columns": [2]}, r"a column '2', .* position in 0 … 1"),
            ("x,y\n1,2\n", {"columns": [-1]}, "a column '-1'"),
            ("x,y\n1,2\n", {"weights": "w"}, "have a column 'w'"),
            ("x,y\n1,2\n", {"weights": True}, "have a column 'True'"),
            ("x,x\n1,2\n", {"columns": ["x"]}, r"have one column 'x', got it at \[0, 1\]"),
            ("x,y\n1,2\n", {"columns": ["x", 0]}, r"each column chosen once, got positions \[0, 0\]"),
            ("x,y\n1,2\n", {"columns": ["x", "y"], "weights": "y"}, "each column chosen once"),
            ("x,y\n1,2\n", {"columns": []}, "keep a column for the coordinates"),
            ("w\n1\n", {"weights": "w"}, "keep a column for the coordinates"),
            ('x,y\n"1"2,3\n', {}, "well-formed, got line 2"),
            ('x,y\n1,"2\n', {}, "well-formed, got line 2"),
            ("x,y\n1,\x1b[31mred\n2,3\n", {}, r"got '\\x1b\[31mred' in column 'y'"),
            ("x\n" + "9" * 200_000 + "\n", {}, "well-formed, got line"),
            (b"x,y\n1,\xff\n", {}, "be UTF-8 text, got the byte 0xff"),
            ("x,y\n1,2\n".encode("utf-16"), {}, "be UTF-8 text"),
            ("x\n1\n", {"array": "x"}, "be read without array, which .csv has not"),
        ],
    )
    def test_refusals(self, tmp_path, content, options, pattern):
        refused(put(tmp_path, "bad.csv", content), pattern, **options)

    def test_digits_that_are_a_name_and_a_position(self, tmp_path):
        path = put(tmp_path, "a.csv", "one,0,s\n5,6,t\n")
        refused(path, r"have one column '0', got it at \[0, 1\]; rename", columns=["0"])
        np.testing.assert_array_equal(read_points(path, columns=[0])[0], [[5]])

    @pytest.mark.parametrize("entry", ["nan", "inf", "-Infinity", "1e999"])
    def test_entries_that_are_not_finite_name_the_file(self, tmp_path, entry):
        refused(
            put(tmp_path, "bad.csv", f"x,y\n1,2\n3,{entry}\n"), r"bad.csv must be finite.*\(1, 1\)", InvalidValueError
        )

    def test_hundred_thousand_rows_in_seconds(self, tmp_path):
        points = np.random.default_rng(0).standard_normal((100_000, 3))
        path = put(tmp_path, "a.csv", "\n".join(",".join(map(repr, row)) for row in points.tolist()))
        start = time.perf_counter()
        read, _ = read_points(path)
        assert time.perf_counter() - start < 10  # about 0.3 s; the room is for busy machines
        np.testing.assert_array_equal(read, points)


class TestNumpy:
    @pytest.mark.parametrize("dtype", ["f8", ">f4", "i2", "u1"])
    @pytest.mark.parametrize("order", ["C", "F"])
    def test_npy(self, tmp_path, dtype, order):
        points = np.arange(6).reshape(3, 2).astype(dtype)
        np.save(tmp_path / "a.npy", np.asarray(points, order=order))
        read, weights = read_points(tmp_path / "a.npy")
        np.testing.assert_array_equal(read, points)
        assert read.dtype == np.float64
        assert weights is None

    def test_npy_on_the_line(self, tmp_path):
        np.save(tmp_path / "a.npy", np.arange(4.0))
        assert read_points(tmp_path / "a.npy")[0].shape == (4, 1)

    def test_npy_version_2(self, tmp_path):
        path = put(tmp_path, "a.npy", npy_header((3, 2), version=(2, 0)) + POINTS.tobytes())
        np.testing.assert_array_equal(read_points(path)[0], POINTS)

    @pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
    def test_npz(self, tmp_path, save):
        path = tmp_path / "a.npz"
        save(path, points=POINTS, other=np.ones((1, 2)), mass=np.arange(3))
        points, weights = read_points(path, array="points", weights="mass")
        np.testing.assert_array_equal(points, POINTS)
        np.testing.assert_array_equal(weights, [0, 1, 2])

    def test_npz_with_one_array_besides_the_weights(self, tmp_path):
        np.savez(tmp_path / "a.npz", p=POINTS, w=np.arange(3))
        np.testing.assert_array_equal(read_points(tmp_path / "a.npz", weights="w")[0], POINTS)
        np.savez(tmp_path / "b.npz", POINTS)
        np.testing.assert_array_equal(read_points(tmp_path / "b.npz")[0], POINTS)

    def test_npz_needs_to_know_which(self, tmp_path):
        path = tmp_path / "a.npz"
        np.savez(path, p=POINTS, q=POINTS)
        refused(path, "one array of points, got p, q; choose the array with --array")
        refused(path, "hold an array 'r', got p, q; choose", array="r")
        refused(path, "hold an array 'w', got p, q; choose", weights="w", array="p")
        refused(path, "be read without columns, which .npz has not", columns=[0])
        np.savez(path)
        refused(path, "one array of points, got none")

    class Bomb:
        def __reduce__(self):
            return os.mkdir, ("unpickled",)

    def test_nothing_is_unpickled(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        np.save(tmp_path / "a.npy", np.array([self.Bomb()], dtype=object))
        np.savez(tmp_path / "a.npz", a=np.array([self.Bomb()], dtype=object))
        put(tmp_path, "b.npy", pickle.dumps(self.Bomb()))
        refused("a.npy", "hold real numbers in a.npy, got pickled objects")
        refused("a.npz", "hold real numbers in a, got pickled objects")
        refused("b.npy", "sound .npy file")
        assert not (tmp_path / "unpickled").exists()

    @pytest.mark.parametrize("array", [np.array(["a"]), np.array([1j]), np.array([True]), np.zeros(2, "i4,f8")])
    def test_other_types(self, tmp_path, array):
        np.save(tmp_path / "a.npy", array)
        refused(tmp_path / "a.npy", "hold real numbers in a.npy, got dtype")

    @pytest.mark.parametrize(
        ("content", "pattern"),
        [
            (b"", "sound .npy file, got ValueError"),
            (b"hello world", "sound .npy file"),
            (b"\x93NUMPY\x01\x00\xff\xff{", "sound .npy file"),
            (b"\x93NUMPY\x02\x00\xff\xff\xff\xff{", "sound .npy file"),
            (b"\x93NUMPY\x09\x00" + bytes(99), "be of NPY version 1 or 2"),
            (npy_header((10**12, 1000)), "header of a.* promises, got 0 bytes for shape .*; .* cut off"),
            (npy_header((10**30, 10**30)), "got 0 bytes for shape"),
            (npy_header((3, 2)) + POINTS.tobytes()[:-1], r"got 47 bytes for shape \(3, 2\) of float64"),
            (npy_header((3, 2)) + POINTS.tobytes() + b"more", "got 52 bytes for shape"),
            (npy_header((-3, 2)) + POINTS.tobytes(), r"48 bytes for shape \(-3, 2\)"),
            (npy_header((-3, -2)) + POINTS.tobytes(), "sound .npy file"),
            (npy_header((0, 10**30)), "sound .npy file|be empty"),
            (npy_header((10**18,), "<U0"), "real numbers"),
            (npy_header((10**18,), "|V0"), "real numbers"),
        ],
    )
    def test_damaged_npy(self, tmp_path, content, pattern):
        path = put(tmp_path, "a.npy", content)
        refused(path, pattern, (FileFormatError, InvalidShapeError))
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.writestr("a.npy", content)
        refused(tmp_path / "a.npz", pattern.replace(".npy", ".npz"), (FileFormatError, InvalidShapeError))

    def test_empty_and_three_dimensional_arrays_name_the_file(self, tmp_path):
        np.save(tmp_path / "a.npy", np.empty((0, 2)))
        refused(tmp_path / "a.npy", "a.npy must not be empty", InvalidShapeError)
        np.save(tmp_path / "a.npy", np.empty((2, 2, 2)))
        refused(tmp_path / "a.npy", r"a.npy must have shape \(n, d\)", InvalidShapeError)

    def test_columns_do_not_apply_to_npy(self, tmp_path):
        np.save(tmp_path / "a.npy", POINTS)
        refused(
            tmp_path / "a.npy", "read without columns, which .npy has not, got .*; leave columns out", columns=["0"]
        )

    def test_zip_bomb(self, tmp_path, monkeypatch):
        monkeypatch.setattr(files, "LARGE", 2**20)
        np.savez_compressed(tmp_path / "a.npz", np.zeros(2**16))
        assert len(read_points(tmp_path / "a.npz")[0]) == 2**16
        np.savez_compressed(tmp_path / "a.npz", np.zeros(2**18))
        refused(tmp_path / "a.npz", "not unpack to over 200 times its size")

    @pytest.mark.parametrize("damage", [b"", b"PK\x03\x04", b"not a zip"])
    def test_no_archive(self, tmp_path, damage):
        refused(put(tmp_path, "a.npz", damage), "sound .npz file, got BadZipFile")

    def test_encrypted_and_flipped_archives(self, tmp_path):
        buffer = io.BytesIO()
        np.savez(buffer, a=POINTS)
        content = bytearray(buffer.getvalue())
        flipped = bytearray(content)
        flipped[content.index(POINTS.tobytes())] ^= 1
        refused(put(tmp_path, "a.npz", bytes(flipped)), "sound .npz file, got BadZipFile: Bad CRC")
        content[content.index(b"PK\x01\x02") + 8] |= 1  # the flag "encrypted" in the central directory
        content[6] |= 1
        refused(put(tmp_path, "a.npz", bytes(content)), "sound .npz file, got RuntimeError")

    def test_names_of_members_stay_on_one_line(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.writestr("evil\n\x1b[31m" + "x" * 5000 + ".npy", npy_header((3, 2)))
            archive.writestr("b.npy", npy_header((3, 2)))
        refused(tmp_path / "a.npz", "one array of points, got evil ·")


class TestParquet:
    def test_reads(self, tmp_path):
        path = tmp_path / "a.parquet"
        table = {"x": [1, 2], "w": [0.5, 0.5], "y": [3.5, 4.5], "s": ["a", "b"]}
        pq.write_table(pa.table(table), path)
        points, weights = read_points(path, columns=["y", 0], weights="w")
        np.testing.assert_array_equal(points, [[3.5, 1], [4.5, 2]])
        np.testing.assert_array_equal(weights, [0.5, 0.5])
        refused(path, "numbers only, got string in column 's'; choose numeric columns with --columns", weights="w")
        refused(path, "have a column 'z', got the columns x, w, y, s", columns=["z"])

    def test_pandas_index_is_no_coordinate(self, tmp_path):
        import pandas as pd

        frame = pd.DataFrame(POINTS, columns=["x", "y"])
        frame.to_parquet(tmp_path / "a.parquet")
        np.testing.assert_array_equal(read_points(tmp_path / "a.parquet")[0], POINTS)
        frame.set_index(pd.Index([5, 1, 9])).to_parquet(tmp_path / "a.parquet")
        refused(tmp_path / "a.parquet", "row labels in column 2")
        frame.to_csv(tmp_path / "a.csv")
        refused(tmp_path / "a.csv", "row labels in column 0")
        frame.to_csv(tmp_path / "a.csv", index=False)
        np.testing.assert_array_equal(read_points(tmp_path / "a.csv")[0], POINTS)

    @pytest.mark.parametrize("values", [[1.0, None], [1, None], [1.0, float("nan")]])
    def test_nulls(self, tmp_path, values):
        pq.write_table(pa.table({"x": values}), tmp_path / "a.parquet")
        refused(tmp_path / "a.parquet", r"a.parquet must be finite, got nan at index \(1, 0\)", InvalidValueError)

    def test_no_rows(self, tmp_path):
        pq.write_table(pa.table({"x": pa.array([], pa.float64())}), tmp_path / "a.parquet")
        refused(tmp_path / "a.parquet", "a.parquet must not be empty", InvalidShapeError)

    @pytest.mark.parametrize("keep", [0, 3, 50, -5])
    def test_damaged(self, tmp_path, keep):
        pq.write_table(pa.table({"x": [1.0, 2.0]}), tmp_path / "a.parquet")
        refused(put(tmp_path, "b.parquet", (tmp_path / "a.parquet").read_bytes()[:keep]), "sound .parquet file")

    def test_run_length_bomb(self, tmp_path, monkeypatch):
        monkeypatch.setattr(files, "LARGE", 2**20)
        pq.write_table(pa.table({"x": np.zeros(2**18)}), tmp_path / "a.parquet")
        refused(tmp_path / "a.parquet", "not unpack to over 200 times its size")

    def test_without_pyarrow(self, tmp_path, monkeypatch):
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        with pytest.raises(MissingDependencyError, match=re.escape("pip install 'otgan[parquet]'")):
            read_points(put(tmp_path, "a.parquet", b""))


class TestPaths:
    def test_no_file(self, tmp_path):
        refused(tmp_path / "a.csv", "a.csv must be a file, got no such file; check the path")
        refused(str(tmp_path / "a"), "got no such file")

    def test_folder(self, tmp_path):
        (tmp_path / "a.csv").mkdir()
        refused(tmp_path / "a.csv", "be a file, got a folder")

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a Unix thing")
    def test_pipe_does_not_block(self, tmp_path):
        os.mkfifo(tmp_path / "a.csv")
        refused(tmp_path / "a.csv", "be a file, got something else")

    def test_suffix(self, tmp_path):
        refused(put(tmp_path, "a.xlsx", b""), "end in .csv, .tsv, .txt, .npy, .npz, .parquet, got '.xlsx'; .* convert")
        refused(put(tmp_path, "a", b""), "got ''; rename")

    def test_permission(self, tmp_path, monkeypatch):
        def deny(*args, **kwargs):
            raise PermissionError(13, "Permission denied")

        path = put(tmp_path, "a.csv", "1\n")
        monkeypatch.setattr(Path, "open", deny)
        refused(path, "be readable, got Permission denied; check the path and its permissions")

    def test_line_break_in_name(self, tmp_path):
        with pytest.raises(FileFormatError, match=r"a b\.csv must hold points") as caught:
            read_points(put(tmp_path, "a\nb.csv", ""))
        assert "\n" not in str(caught.value)

    def test_absurdly_long_name(self):
        with pytest.raises(FileFormatError, match="be readable, got File name too long"):
            read_points("a" * 5000 + ".csv")


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None, derandomize=True
)
@given(data=st.data(), kind=st.sampled_from(["npy", "npz", "csv", "txt", "parquet"]))
def test_damage_of_any_kind_is_a_typed_error_or_harmless(tmp_path, data, kind):
    path = tmp_path / f"a.{kind}"
    if kind == "npy":
        np.save(path, POINTS)
    elif kind == "npz":
        np.savez_compressed(path, a=POINTS)
    elif kind == "parquet":
        pq.write_table(pa.table({"x": [1.0, 2.0]}), path)
    else:
        path.write_text("x,y\n1,2\n3,4\n")
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    with contextlib.suppress(OtganError):
        assert np.isfinite(read_points(path)[0]).all()
