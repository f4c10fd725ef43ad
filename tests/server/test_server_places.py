"""Spellings of places: one place is one tuple, and what no honest client writes is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordinis_mlflow.server.places import Places, UnreadablePlace, touches, within

BUCKET = Places("s3://bucket/root")
ROOT = ("s3://bucket", "root", "1", "models", "m-1", "artifacts")


@pytest.mark.parametrize(
    "uri",
    ["mlflow-artifacts:/1/models/m-1/artifacts", "mlflow-artifacts://host:80/1/models/m-1/artifacts",
     "http://any/api/2.0/mlflow-artifacts/artifacts/1/models/m-1/artifacts",
     "https://any/prefix/api/2.0/mlflow-artifacts/artifacts/1/models/m-1/artifacts/",
     "s3://bucket/root/1/models/m-1/artifacts", "S3://bucket/root/1/models/m-1/artifacts",
     "s3a://bucket/root/1/models/m-1/artifacts", "s3://bucket//root/./1/models/m-1/artifacts/",
     "s3://bucket/root/1/models%2Fm-1/%61rtifacts", "s3://bucket/root/1/models%252Fm-1/artifacts"],
)  # fmt: skip
def test_one_place_is_one_tuple(uri):
    assert BUCKET.of_uri(uri) == ROOT


@pytest.mark.parametrize(
    "uri",
    ["mlflow-artifacts:/../x", "s3://bucket/a/../b", "s3://bucket/a/%2e%2e/b", "file:///a/%252e./b",
     "s3://bucket/a\tb", "s3://bucket/a%00b", "s3://bucket/a\\..\\b", "/srv/../etc"],
)  # fmt: skip
def test_what_no_honest_client_writes(uri):
    with pytest.raises(UnreadablePlace):
        BUCKET.of_uri(uri)


def test_a_folder_is_where_its_links_lead(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    (real / "1").mkdir(parents=True)
    link.symlink_to(real)
    (real / "1" / "alias").symlink_to(real / "2")
    places = Places(str(link))
    assert places.of_uri("mlflow-artifacts:/1/x") == Places(str(real)).of_proxied("1/x")
    assert places.of_uri(f"file://{real}/1/x") == places.of_proxied("1/x")
    assert places.of_uri(f"{link}/1/x") == places.of_proxied("1/x")
    assert places.of_proxied("1/alias/x") == places.of_proxied("2/x")


def test_within_is_strict_and_touching_is_not():
    other = (*ROOT[:-1], "Artifacts")
    assert within((*ROOT, "a"), ROOT)
    assert within(ROOT, ROOT)
    assert not within(other, ROOT)
    assert not within((*ROOT[:-1], "artifacts2"), ROOT)
    for place in (ROOT, (*ROOT, "a"), ROOT[:2], other):
        assert touches(place, ROOT)
    assert not touches((*ROOT[:-1], "artifacts2"), ROOT)


names = st.text(st.characters(codec="utf-8", exclude_characters="/\\%?#", exclude_categories=["C"]),
                min_size=1).filter(lambda name: name not in (".", ".."))  # fmt: skip


@given(st.lists(names, min_size=1, max_size=5), st.integers(0, 3))
def test_encoding_more_often_changes_nothing(parts, times):
    from urllib.parse import quote

    path = "/".join(parts)
    plain = BUCKET.of_proxied(path)
    for _ in range(times):
        path = quote(path)
    assert BUCKET.of_proxied(path) == plain == ("s3://bucket", "root", *parts)
