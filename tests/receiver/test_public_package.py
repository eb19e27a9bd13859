"""`verify` against the public package, the oracle: the same POSTs taken, the same refused."""

import json
import time
from dataclasses import dataclass

import pytest
from hypothesis import event as note
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from famedash.receiver import Refused, verify
from tests.receiver.posts import BODY, FOREIGN, NEW, OLD, signed

OFF = st.integers(-400, 400).filter(lambda off: not 295 <= abs(off) <= 305)
"""Seconds: the oracle reads its own clock, so not on the edge."""


@dataclass(frozen=True)
class Post:
    headers: dict[str, str]
    body: bytes


def ours(secrets: list[str], post: Post) -> bool:
    try:
        verify(secrets, post.headers, post.body)
    except Refused:
        return False
    return True


def theirs(secrets: list[str], post: Post) -> bool:
    """The package knows one secret at a time."""
    return any(_takes(Webhook(secret), post) for secret in secrets)


def _takes(webhook: Webhook, post: Post) -> bool:
    try:
        webhook.verify(post.body, post.headers)
    except WebhookVerificationError:
        return False
    return True


def changed(post: Post, name: str, value: str) -> Post:
    return Post({**post.headers, name: value}, post.body)


SECRETS = st.lists(st.sampled_from([OLD, NEW, FOREIGN]), min_size=1, max_size=3)
IDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


@st.composite
def posts(draw: st.DrawFn) -> Post:
    """Signed by some, then as it came or with one thing changed on the way."""
    timestamp = int(time.time()) + draw(OFF)
    document = {**json.loads(BODY), "more": draw(st.text(max_size=20))}
    sent = json.dumps(document, ensure_ascii=draw(st.booleans())).encode(errors="replace")
    post = Post(signed(*draw(SECRETS), body=sent, webhook_id=draw(IDS), timestamp=timestamp), sent)
    signatures = post.headers["webhook-signature"]
    return draw(
        st.sampled_from(
            [
                post,
                post,
                Post({name.title(): value for name, value in post.headers.items()}, sent),
                Post(post.headers, sent + b" "),
                Post(post.headers, sent.replace(b"summer", b"winter")),
                changed(post, "webhook-id", post.headers["webhook-id"] + "."),
                changed(post, "webhook-id", ""),
                changed(post, "webhook-timestamp", str(timestamp + 1)),
                changed(post, "webhook-timestamp", f"0{timestamp}"),
                changed(post, "webhook-timestamp", ""),
                changed(post, "webhook-timestamp", "soon"),
                changed(post, "webhook-signature", signatures.replace("v1,", "v1a,")),
                changed(post, "webhook-signature", f"v2,AAAA v1,AAAA {signatures} v1a,AAAA"),
                changed(post, "webhook-signature", signatures.swapcase().replace("V1,", "v1,")),
                changed(post, "webhook-signature", signatures.replace("=", "=!")),
                *(
                    Post({name: value for name, value in post.headers.items() if name != gone}, sent)
                    for gone in post.headers
                ),
            ]
        )
    )


@given(SECRETS, posts())
def test_both_take_and_refuse_the_same(secrets: list[str], post: Post) -> None:
    """PROMISE: verifying is Standard Webhooks. The package is the oracle, not our own code."""
    verdict = ours(secrets, post)
    note(f"taken: {verdict}")

    assert verdict == theirs(secrets, post)


@pytest.mark.parametrize(
    ("signers", "secrets", "off", "taken"),
    [
        ([NEW], [NEW], 0, True),
        ([NEW, OLD], [OLD], 0, True),
        ([NEW], [OLD, NEW], 0, True),
        ([NEW], [OLD], 0, False),
        ([NEW], [NEW], -290, True),
        ([NEW], [NEW], 290, True),
        ([NEW], [NEW], -310, False),
        ([NEW], [NEW], 310, False),
    ],
)
def test_both_say_the_same_of_these(signers: list[str], secrets: list[str], off: int, taken: bool) -> None:
    post = Post(signed(*signers, timestamp=int(time.time()) + off), BODY)

    assert (ours(secrets, post), theirs(secrets, post)) == (taken, taken)
