"""The secret key: made once, for its owner alone, whoever else starts at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from django.core.exceptions import ImproperlyConfigured

from project.secret import kept_key


def test_it_is_made_at_first_use_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    made = kept_key(path)
    assert len(made) >= 50
    assert kept_key(path) == made
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_two_sites_have_two_keys(tmp_path: Path) -> None:
    assert kept_key(tmp_path / "one") != kept_key(tmp_path / "two")


def test_all_that_start_at_once_have_the_same_key(tmp_path: Path) -> None:
    starters = 8
    for attempt in range(20):
        start = Barrier(starters)
        path = tmp_path / str(attempt)

        def key(start: Barrier = start, path: Path = path) -> str:
            start.wait()
            return kept_key(path)

        with ThreadPoolExecutor(starters) as pool:
            keys = [pool.submit(key) for _ in range(starters)]
            assert len({one.result() for one in keys}) == 1
        assert path.stat().st_nlink == 1


@pytest.mark.parametrize("content", [b"", b"\n", "schlüssel".encode("latin-1")])
def test_a_file_without_a_key_is_refused_and_stays(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret_key"
    path.write_bytes(content)
    with pytest.raises(ImproperlyConfigured, match="secret_key"):
        kept_key(path)
    assert path.read_bytes() == content


def test_where_it_cannot_be_kept_the_setting_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"No such file or directory\. Set SECRET_KEY$"):
        kept_key(tmp_path / "missing" / "secret_key")
