"""Identifiers are URIs, whatever the keys are, and different keys have different ones."""

from __future__ import annotations

import re
from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st

from muniment.museum.publishing.identifiers import Identifiers, Publisher, valid_uri
from muniment.museum.publishing.objects import Actor, Place, Term
from muniment.museum.publishing.resources import media_type, web_address

URI = re.compile(r"[a-z]+:(?:[A-Za-z0-9._~:/?#@!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+")
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)
MINTED = Identifiers({"town": Publisher("https://town.example/id/", "en")})


@given(TEXT)
def test_what_is_minted_of_any_key_is_a_uri_from_which_the_key_can_be_read(key: str) -> None:
    for uri in (
        MINTED.of_actor(Actor(f"town/name/{key}", "x")),
        MINTED.of_place(Place(f"town/{key}", "x")),
        MINTED.of_term(Term("AAT", key, "x")),
        MINTED.of_word("role", key),
    ):
        assert URI.fullmatch(uri)
        assert uri.startswith("https://town.example/id/")
        assert unquote(uri.rpartition("/")[2]) == key


@given(TEXT)
def test_any_text_becomes_a_valid_uri_and_stays_what_it_is_then(text: str) -> None:
    uri = valid_uri(f"http://a.example/{text}")
    assert URI.fullmatch(uri)
    assert valid_uri(uri) == uri


def test_an_iri_is_percent_encoded_and_what_is_encoded_stays() -> None:
    assert valid_uri("http://x.example/é%20[1]%zz") == "http://x.example/%C3%A9%20%5B1%5D%25zz"


def test_only_what_has_a_host_is_a_web_address() -> None:
    assert web_address(" https://a.example/my image.jpg ") == "https://a.example/my%20image.jpg"
    assert web_address("images/12.jpg") is None
    assert web_address("javascript:alert(1)") is None


def test_a_term_with_a_uri_keeps_it() -> None:
    assert MINTED.of_term(Term("AAT", "k", "vase", "http://vocab.getty.edu/aat/1")) == (
        "http://vocab.getty.edu/aat/1"
    )


def test_concepts_that_institutions_share_belong_to_neither_of_them() -> None:
    two = Identifiers({"a": Publisher("https://a.example/"), "b": Publisher("https://b.example/")})
    assert two.of_word("role", "artist") == "https://muniment.invalid/word/role/artist"
    assert two.of_actor(Actor("b/id/7", "x")) == "https://b.example/actor/id/7"


def test_the_ending_of_a_url_tells_the_format_of_an_image() -> None:
    assert media_type("https://a.example/x.JPG?size=2") == "image/jpeg"
    assert media_type("https://a.example/x.aspx") is None
    assert media_type("https://[a.example/x.jpg") is None
