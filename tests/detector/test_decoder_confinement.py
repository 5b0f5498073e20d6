"""What the decoding child cannot do, and that a file hurts only itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deepfake_guard.detector import decoder as decoding
from deepfake_guard.detector.decoder import Decoder, DecodeRefused, DecoderKilled, DecoderUnavailable, Limits

from .pictures import bomb, cpu_bomb, portrait, saved, written

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as shared:
        yield shared


def child_of(decoder: Decoder) -> int:
    child = decoder._child
    assert child is not None
    return child.pid


def descriptors(process: int | str) -> list[str]:
    return sorted(entry.name for entry in Path(f"/proc/{process}/fd").iterdir())


class Scarce(Limits):
    """Less address space than the pixels allowed would need."""

    @property
    def memory(self) -> int:
        return 256 * 1024 * 1024


@on_linux
def test_a_decompression_bomb_meets_the_memory_limit_and_the_next_file_is_read(tmp_path: Path) -> None:
    with Decoder(Scarce()) as scarce:
        scarce.limits_in_force()
        before = child_of(scarce)
        with pytest.raises(DecodeRefused, match="memory"):
            scarce.decode(written(tmp_path / "bomb.png", bomb(8000, 8000)))
        assert scarce.decode(saved(tmp_path / "b.png", portrait())).rgb.shape == (512, 512, 3)
        assert child_of(scarce) == before


def test_a_file_that_eats_time_is_cut_off_and_the_next_file_is_read(tmp_path: Path) -> None:
    with Decoder(Limits(seconds=1)) as hasty:
        with pytest.raises(DecoderKilled) as killed:
            hasty.decode(written(tmp_path / "bomb.jpg", cpu_bomb()))
        assert killed.value.reason == "decoder_killed"
        assert hasty.decode(saved(tmp_path / "b.png", portrait())).rgb.shape == (512, 512, 3)


def test_a_child_killed_over_a_file_fails_that_file_alone(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", portrait())
    with Decoder(Limits(seconds=30)) as fresh:
        fresh.limits_in_force()
        child = child_of(fresh)
        os.kill(child, signal.SIGSTOP)  # so that the file is with it when it dies
        killer = threading.Timer(0.2, os.kill, (child, signal.SIGKILL))
        killer.start()
        with pytest.raises(DecoderKilled):
            fresh.decode(path)
        killer.join()
        assert fresh.decode(path).rgb.shape == (512, 512, 3)
        assert child_of(fresh) != child


def test_a_child_that_died_between_two_files_costs_neither(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", portrait())
    with Decoder() as fresh:
        fresh.decode(path)
        os.kill(child_of(fresh), signal.SIGKILL)
        os.waitid(os.P_PID, child_of(fresh), os.WEXITED | os.WNOWAIT)
        assert fresh.decode(path).rgb.shape == (512, 512, 3)


def test_one_child_serves_many_files_and_is_replaced_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "FILES_PER_CHILD", 3)
    path = saved(tmp_path / "a.png", portrait(64))
    with Decoder() as fresh:
        served = [(fresh.decode(path), child_of(fresh))[1] for _ in range(7)]
    assert served == [served[0]] * 3 + [served[3]] * 3 + [served[6]]
    assert len(set(served)) == 3


def test_a_missing_file_is_not_the_decoders_fault(decoder: Decoder, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        decoder.decode(tmp_path / "gone.jpg")


@on_linux
def test_descriptors_do_not_pile_up(decoder: Decoder, tmp_path: Path) -> None:
    good, bad = saved(tmp_path / "a.png", portrait(64)), written(tmp_path / "b.png", b"no")
    decoder.decode(good)

    def held() -> tuple[int, int]:
        return len(descriptors("self")), len(descriptors(child_of(decoder)))

    before = held()
    for _ in range(5):
        decoder.decode(good)
        with pytest.raises(DecodeRefused):
            decoder.decode(bad)
    assert held() == before


@on_linux
def test_the_child_holds_nothing_of_its_parent_and_may_do_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "not for the decoder")
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    limits = Limits()
    with Decoder(limits) as fresh:
        in_force = fresh.limits_in_force()
        home = Path(f"/proc/{child_of(fresh)}")
        assert (home / "environ").read_bytes() == b""
        assert descriptors(child_of(fresh)) == ["0", "1", "2"]
        bounds = {line[:26].strip(): line[26:47].strip() for line in (home / "limits").read_text().splitlines()}
        assert bounds["Max address space"] == str(limits.memory)
        assert bounds["Max file size"] == bounds["Max core file size"] == "0"
        assert bounds["Max processes"].isdigit()
        assert int(bounds["Max cpu time"]) <= limits.seconds + 3
        assert "NoNewPrivs:\t1" in (home / "status").read_text()
        if in_force["no_network"]:
            assert (home / "ns/net").readlink() != Path("/proc/self/ns/net").readlink()
    os.close(reading)
    os.close(writing)


def test_it_says_which_confinements_hold_here() -> None:
    in_force = decoding.limits_in_force()
    assert set(in_force) == {
        "no_new_privs", "no_network", "rlimit_as", "rlimit_cpu", "rlimit_fsize", "rlimit_nproc", "rlimit_core",
    }  # fmt: skip
    assert in_force["rlimit_cpu"]
    assert in_force["rlimit_fsize"]
    assert in_force["rlimit_nproc"] == (os.getuid() != 0)  # the kernel exempts root, and so we do not claim it
    if sys.platform == "linux":
        assert in_force["no_new_privs"]
        assert in_force["rlimit_as"]


LIAR = """
import json, socket, struct, sys, time
link = socket.socket(fileno=0)
def answer(body):
    link.sendall(struct.pack(">I", len(body)) + body)
answer(json.dumps({"in_force": {}}).encode())
socket.recv_fds(link, 4096, 1)
{lie}
time.sleep(60)
"""
PICTURE = '{"media_type": "image/png", "remarks": [], "lossless": true, "tables": [], "width": 2, "height": 2}'
TABLES = '{"media_type": "image/png", "remarks": "", "lossless": null, "tables": [], "width": 2, "height": 2}'


@pytest.mark.parametrize(
    "lie",
    [
        'link.sendall(struct.pack(">I", 2**32 - 1))',
        "answer(b'no json')",
        "answer(b'[' * 60000)",
        "answer(b'[1, 2]')",
        "answer(b'{}')",
        f"answer(b'''{PICTURE.replace('2, ', '100000, ').replace('2}', '100000}')}''')",
        f"answer(b'''{PICTURE.replace('2, ', '-2, ').replace('2}', '-2}')}'''); link.sendall(bytes(12))",
        f"answer(b'''{PICTURE.replace('2}', 'true}')}'''); link.sendall(bytes(12))",
        f"answer(b'''{PICTURE.replace('2}', '2.0}')}'''); link.sendall(bytes(12))",
        f"answer(b'''{PICTURE.replace('image/png', 'text/html')}'''); link.sendall(bytes(12))",
        f"answer(b'''{PICTURE.replace('[]', '[1]', 1)}'''); link.sendall(bytes(12))",
        f"answer(b'''{PICTURE.replace('true', '1')}'''); link.sendall(bytes(12))",
        f"answer(b'''{TABLES.replace('[]', '[[1]]')}'''); link.sendall(bytes(12))",
        f"answer(b'''{TABLES.replace('[]', f'[{[-1] * 64}]')}'''); link.sendall(bytes(12))",
        f"answer(b'''{TABLES.replace('[]', f'{[[1] * 64] * 5}')}'''); link.sendall(bytes(12))",
        f"answer(b'''{PICTURE}'''); link.sendall(bytes(11)); link.close()",
        'answer(b\'{"refused": "allow", "detail": ""}\')',
        'answer(b\'{"refused": [], "detail": ""}\')',
    ],
)
def test_a_child_that_was_taken_over_cannot_lie_its_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lie: str
) -> None:
    monkeypatch.setattr(decoding, "CHILD", written(tmp_path / "liar.py", LIAR.replace("{lie}", lie).encode()))
    with Decoder(Limits(seconds=5)) as fresh, pytest.raises(DecoderKilled):
        fresh.decode(saved(tmp_path / "a.png", portrait(64)))


def test_a_child_that_answers_truly_is_believed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = f"answer(b'''{PICTURE}'''); link.sendall(bytes(range(12)))"
    monkeypatch.setattr(decoding, "CHILD", written(tmp_path / "child.py", LIAR.replace("{lie}", truth).encode()))
    with Decoder(Limits(seconds=5)) as fresh:
        assert fresh.decode(saved(tmp_path / "a.png", portrait(64))).rgb.ravel().tolist() == list(range(12))


@pytest.mark.parametrize("child", [b"raise SystemExit(1)", b"import a_package_that_is_missing", b"print('hello')"])
def test_a_child_that_does_not_start_is_no_files_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, child: bytes
) -> None:
    monkeypatch.setattr(decoding, "CHILD", written(tmp_path / "child.py", child))
    with Decoder() as fresh, pytest.raises(DecoderUnavailable):
        fresh.decode(saved(tmp_path / "a.png", portrait(64)))


DAEMON = """
import multiprocessing, sys
from pathlib import Path
from deepfake_guard.detector.decoder import Decoder

def work(answers):
    with Decoder() as decoder:
        answers.put(decoder.decode(Path(sys.argv[1])).rgb.shape)

if __name__ == "__main__":
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=work, args=(answers,), daemon=True)
    child.start()
    print(answers.get(timeout=30))
    child.join()
"""


def test_it_works_inside_a_daemonic_pool_process(tmp_path: Path) -> None:
    path = saved(tmp_path / "a.png", portrait(64))
    done = subprocess.run(
        [sys.executable, "-c", DAEMON, str(path)], capture_output=True, text=True, timeout=60, check=False,
        env=ENVIRONMENT,
    )  # fmt: skip
    assert done.stdout.strip() == "(64, 64, 3)", done.stderr


@on_linux
def test_the_child_ends_with_its_parent(tmp_path: Path) -> None:
    code = (
        "import os, signal\nfrom deepfake_guard.detector.decoder import Decoder\n"
        "decoder = Decoder(); decoder.limits_in_force()\n"
        "print(decoder._child.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False,
        env=ENVIRONMENT,
    )  # fmt: skip
    child = int(done.stdout)
    for _ in range(100):
        status = Path(f"/proc/{child}/stat")
        if not status.exists() or status.read_text().split(")")[1].split()[0] == "Z":
            return
        threading.Event().wait(0.05)
    pytest.fail(f"process {child} is still there")


def test_the_bound_on_tasks_leaves_room_for_the_thread_that_heic_needs() -> None:
    code = (
        "import threading\nfrom deepfake_guard.detector.decoder import child\n"
        "count = child.tasks_needed()\nassert child.allow_tasks(count)\n"
        "thread = threading.Thread(target=print, args=(count,)); thread.start(); thread.join()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, env=ENVIRONMENT
    )
    assert int(done.stdout) >= 8, done.stderr
