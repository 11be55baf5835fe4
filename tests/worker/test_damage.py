"""Originals that are cut, damaged or no video: failed with a reason, or done with a warning; real ffmpeg."""

from __future__ import annotations

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.worker.rig import QUICK
from worker.ffmpeg_words import DamageError, Said, judge, seconds
from worker.settings import WorkerSettings, find_ffmpeg
from worker.transcode import UnreadableVideoError, transcode

PICTURES = ("-f", "lavfi", "-i", "testsrc=duration=4:size=64x64:rate=10")
FILM = ("-f", "lavfi", "-i", "testsrc=duration=4:size=64x64:rate=25")
SOUND = ("-f", "lavfi", "-i", "sine=duration=4")
Damage = Callable[[bytes], bytes]


def _make(path: Path, *arguments: str) -> Path:
    argv = [str(find_ffmpeg()), "-loglevel", "error", "-y", *arguments, "-threads", "1", str(path)]
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, timeout=60)
    return path


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Sound ones, of four seconds and 40 pictures where they have any."""
    folder = tmp_path_factory.mktemp("originals")
    made = (
        _make(folder / "end.mp4", *PICTURES, *SOUND),
        _make(folder / "front.mp4", *PICTURES, *SOUND, "-movflags", "+faststart"),
        _make(folder / "mute.mkv", *PICTURES),
        _make(folder / "mute.ts", *PICTURES),
        _make(folder / "film.mxf", *FILM, "-c:v", "mpeg2video"),
        _make(folder / "late.mkv", *PICTURES, *SOUND, "-output_ts_offset", "9"),
        _make(folder / "late.wmv", *PICTURES, "-output_ts_offset", "9"),
        _make(folder / "late.mp4", *PICTURES, "-output_ts_offset", "9"),
        _make(folder / "sound.mp4", *SOUND),
        _make(folder / "picture.png", *PICTURES, "-frames:v", "1"),
        _make(folder / "picture.jpg", *PICTURES, "-frames:v", "1"),
    )
    return {path.name: path.read_bytes() for path in made}


def _whole(content: bytes) -> bytes:
    return content


def _half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _tenth(content: bytes) -> bytes:
    return content[: len(content) // 10]


def _hole(content: bytes) -> bytes:
    middle, width = len(content) // 2, len(content) // 16
    return content[:middle] + bytes(width) + content[middle + width :]


def _still(content: bytes) -> bytes:
    """As a photograph of a telephone says of itself what it is."""
    assert content[4:12] == b"ftypisom"
    return content[:8] + b"heic" + content[12:]


def _noise(content: bytes) -> bytes:
    """One byte in a hundred is another, save for the ends, where the index is."""
    draw, noisy = random.Random(1), bytearray(content)
    for _ in range(len(content) // 100):
        noisy[draw.randrange(len(content) // 8, len(content) * 7 // 8)] = draw.randrange(256)
    return bytes(noisy)


def _transcode(content: bytes, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str | None:
    monkeypatch.setenv("FFMPEG_ARGS", "-t 30 -c:v libx264 -preset ultrafast -threads 1 -c:a aac")
    (folder / "original").write_bytes(content)
    return transcode(WorkerSettings(), folder / "original", folder / "processed.mp4")


FAILED = [
    ("end.mp4", _half, r"it is no video that can be read, or it is cut short \(moov atom not found\)"),
    ("end.mp4", _tenth, r"it is no video that can be read, or it is cut short \(moov atom not found\)"),
    ("front.mp4", _half, r"it is cut short: \d\.\d s of 4\.0 s can be read \("),
    ("front.mp4", _tenth, r"it is cut short: |its pictures cannot be read|it is damaged"),
    ("mute.mkv", _half, r"\(File ended prematurely"),
    ("mute.mkv", _tenth, r"\(File ended prematurely"),
    ("sound.mp4", _whole, "there are no pictures in it, only sound or data"),
    ("picture.png", _whole, "it is a picture, not a video"),
    ("picture.jpg", _whole, "it is a picture, not a video"),
    ("end.mp4", _still, "it is a picture, not a video"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "damage", "reason"), FAILED)
def test_too_little_of_it_fails_with_a_reason_for_people(
    originals: dict[str, bytes],
    name: str,
    damage: Damage,
    reason: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(UnreadableVideoError, match=reason) as caught:
        _transcode(damage(originals[name]), tmp_path, monkeypatch)
    _is_for_people(str(caught.value), tmp_path)


WARNED = [("front.mp4", _hole), ("end.mp4", _hole), ("mute.ts", _hole)]


@pytest.mark.parametrize(("name", "damage"), WARNED)
def test_most_of_it_is_taken_with_a_warning(
    originals: dict[str, bytes], name: str, damage: Damage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warning = _transcode(damage(originals[name]), tmp_path, monkeypatch)
    assert warning is not None
    assert warning.startswith("the original is damaged: ")
    _is_for_people(warning, tmp_path)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.3, 0.5, 0.7, 0.85])
def test_what_is_cut_where_every_packet_is_whole_is_not_taken_without_a_word(
    originals: dict[str, bytes], share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ffmpeg has nothing to complain of in the first tenth of an MXF."""
    film = originals["film.mxf"]
    try:
        said = _transcode(film[: int(share * len(film))], tmp_path, monkeypatch)
    except UnreadableVideoError as error:
        said = str(error)
    assert said
    assert "cut short" in said
    _is_for_people(said, tmp_path)


def test_a_cut_stream_that_says_nowhere_how_long_it_was_is_taken(
    originals: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing in half a transport stream tells that it was longer."""
    _transcode(_half(originals["mute.ts"]), tmp_path, monkeypatch)
    assert (tmp_path / "processed.mp4").stat().st_size > 0


@pytest.mark.parametrize("name", ["end.mp4", "front.mp4", "mute.mkv", "mute.ts"])
def test_noise_is_never_taken_without_a_word(
    originals: dict[str, bytes], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    try:
        said = _transcode(_noise(originals[name]), tmp_path, monkeypatch)
    except UnreadableVideoError as error:
        said = str(error)
    assert said
    _is_for_people(said, tmp_path)


SOUND_ONES = [
    "end.mp4", "front.mp4", "mute.mkv", "mute.ts", "film.mxf", "late.mkv", "late.wmv", "late.mp4"
]  # fmt: skip


@pytest.mark.parametrize("name", SOUND_ONES)
def test_a_sound_original_is_taken_without_a_word(
    originals: dict[str, bytes], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _transcode(originals[name], tmp_path, monkeypatch) is None


def test_a_cover_does_not_make_a_video_of_a_song(
    originals: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (cover := tmp_path / "cover.jpg").write_bytes(originals["picture.jpg"])
    (song := tmp_path / "sound.mp4").write_bytes(originals["sound.mp4"])
    arguments = ("-i", str(song), "-i", str(cover), "-map", "0:a", "-map", "1:v", "-c", "copy")
    covered = _make(tmp_path / "covered.mp4", *arguments, "-disposition:v", "attached_pic")
    with pytest.raises(UnreadableVideoError, match="there are no pictures in it"):
        _transcode(covered.read_bytes(), tmp_path, monkeypatch)


MANIFEST = """<?xml version="1.0"?>
<MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" mediaPresentationDuration="PT4S"
 profiles="urn:mpeg:dash:profile:isoff-on-demand:2011">
<Period><AdaptationSet mimeType="video/mp4"><Representation id="1" bandwidth="1">
<BaseURL>{file}</BaseURL></Representation></AdaptationSet></Period></MPD>"""


def test_a_list_of_other_files_shows_none_of_them(
    originals: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (secret := tmp_path / "secret.mp4").write_bytes(originals["end.mp4"])
    with pytest.raises(UnreadableVideoError, match=r"a list of other files|no video that can be read"):
        _transcode(MANIFEST.format(file=secret).encode(), tmp_path, monkeypatch)


@pytest.mark.parametrize("container", ["concat", "dash", "hls", "imf"])
def test_no_sort_of_list_is_taken(container: str) -> None:
    with pytest.raises(DamageError, match="a list of other files"):
        judge(_said(container=container), succeeded=True, cut_s=None)


def test_a_result_that_is_cut_on_purpose_is_whole(
    originals: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The damage lies behind the cut, or before it with no more lost than a picture or two."""
    monkeypatch.setenv("FFMPEG_ARGS", "-t 1 " + QUICK["FFMPEG_ARGS"].removeprefix("-t 5 "))
    (tmp_path / "original").write_bytes(_hole(originals["front.mp4"]))
    transcode(WorkerSettings(), tmp_path / "original", tmp_path / "processed.mp4")


@pytest.mark.parametrize(
    "arguments",
    ["-ss 1", "-to 1", "-frames:v 5", "-vf scale=64:64,setpts=0.2*PTS", "-shortest", "-t 1s", "-t 0:01"],
)
def test_what_arguments_leave_out_is_not_missed(
    originals: dict[str, bytes], arguments: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FFMPEG_ARGS", f"{arguments} -c:v libx264 -preset ultrafast -threads 1 -an")
    (tmp_path / "original").write_bytes(originals["end.mp4"])
    assert transcode(WorkerSettings(), tmp_path / "original", tmp_path / "processed.mp4") is None


def _is_for_people(text: str, folder: Path) -> None:
    assert str(folder) not in text
    assert "@ 0x" not in text
    assert "\n" not in text
    assert len(text) < 300


def test_what_a_file_says_of_itself_is_not_taken_for_ffmpegs_words() -> None:
    """A title may hold anything, over several lines."""
    said = Said()
    for line in ("[info]     title  : a", "[info]       : [error] No space left on device", " : [error] x"):
        said.hear(line)
    assert (said.complaints, said.disk_full) == (0, False)


def _said(**what: object) -> Said:
    sound: dict[str, object] = {
        "container": "mov", "length_s": 40.0, "has_pictures": True, "rates": [25.0, 25.0],
        "pictures": 1000, "made_s": 40.0,
    }  # fmt: skip
    return Said(**(sound | what))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("what", "cut_s", "taken"),
    [
        ({"made_s": 40.0, "pictures": 75}, None, True),  # few pictures, as of a screen, and no complaint
        ({"made_s": 20.0, "pictures": 500, "complaints": 1}, None, False),
        ({"made_s": 30.0, "pictures": 750, "complaints": 1}, 30.0, True),
        ({"made_s": 36.0, "pictures": 900, "complaints": 1}, None, True),
        ({"made_s": 35.9, "pictures": 897, "complaints": 1}, None, False),
        ({"made_s": 40.0, "pictures": 75, "complaints": 900}, None, False),  # the sound is whole
        ({"made_s": 40.0, "pictures": 500, "complaints": 1, "rates": [25.0, 50.0]}, None, True),
        ({"made_s": 3.0, "pictures": 75, "complaints": 1, "length_s": None}, None, True),
        ({"pictures": 0}, None, False),
        ({"container": ""}, None, False),
    ],
)
def test_the_judgement(what: dict[str, object], cut_s: float | None, taken: bool) -> None:
    said = _said(**what)
    if taken:
        assert bool(judge(said, succeeded=True, cut_s=cut_s)) == bool(said.complaints)
    else:
        with pytest.raises(DamageError):
            judge(said, succeeded=True, cut_s=cut_s)


@pytest.mark.parametrize(("cut_s", "warned"), [(None, True), (20.0, False), (23.0, True)])
def test_a_short_result_that_nobody_complained_of_is_taken_with_a_warning(
    cut_s: float | None, warned: bool
) -> None:
    """Half an MXF: each of its packets is whole. Or its subtitles go on, and there is nothing wrong."""
    warning = judge(_said(made_s=20.0, pictures=500), succeeded=True, cut_s=cut_s)
    said = f"the original may be cut short: 20.0 s of {cut_s or 40:.1f} s could be read"
    assert warning == (said if warned else None)


@pytest.mark.parametrize(
    ("text", "is_s"),
    [
        *(("30", 30), ("1.5", 1.5), ("00:01:02.50", 62.5), ("01:00:00", 3600), ("1:02", 62), ("100", 100)),
        *(("2s", 2), ("5ms", 0.005), ("7us", 7e-6), ("-3", None), ("1:2:3:4", None), ("", None)),
    ],
)
def test_times_as_ffmpeg_writes_them(text: str, is_s: float | None) -> None:
    assert seconds(text) == is_s
