"""The handbook: every picture on a page is made by a function, in both languages alike, and its claims hold."""

import importlib.util
import inspect
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import mapsto

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
FENCED = re.compile(r"^```(?P<head>[^\n`]*)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)


def _build():
    spec = importlib.util.spec_from_file_location("handbook_build", DOCS / ".handbook" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


BUILD = _build()
MAKERS = [
    pytest.param(maker, id=f"{name}.{maker.name}", marks=() if maker.quick else pytest.mark.slow)
    for name, chapter in BUILD.chapters().items()
    for maker in BUILD.load("figures").makers(chapter)
]
NAMES = sorted(path.name for path in (DOCS / "en" / "handbook").glob("*.md"))


def page(language, name):
    return (DOCS / language / "handbook" / name).read_text(encoding="utf-8")


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("maker", MAKERS)
def test_claims_hold_and_the_picture_comes_out_the_same(maker):
    first = maker.make()
    assert first.picture.startswith("<svg ")
    assert "nan" not in first.picture
    if maker.quick:
        assert maker.make() == first


def test_every_picture_is_made_and_shown():
    made = [maker.values[0].name for maker in MAKERS]
    assert len(set(made)) == len(made)
    for language in ("en", "zh"):
        shown = [found["name"] for name in NAMES for found in BUILD.PICTURE.finditer(page(language, name))]
        assert sorted(set(shown)) == sorted(made)
    assert sorted(path.stem for path in BUILD.IMAGES.glob("*")) == sorted(made), "run `make handbook`"


def test_both_languages_have_the_same_pages():
    assert sorted(path.name for path in (DOCS / "zh" / "handbook").glob("*.md")) == NAMES
    for chapter in BUILD.chapters():
        assert f"{chapter}.md" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_both_languages_show_the_same(name):
    english, chinese = page("en", name), page("zh", name)
    pictures = [[found["name"] for found in BUILD.PICTURE.finditer(text)] for text in (english, chinese)]
    assert pictures[0] == pictures[1]
    code = [[block for block in FENCED.findall(text) if block[0] != "text"] for text in (english, chinese)]
    assert code[0] == code[1]
    printed = [[found["printed"] for found in BUILD.PRINTED.finditer(text)] for text in (english, chinese)]
    assert printed[0] == printed[1]
    assert english.count("\n## ") == chinese.count("\n## ")
    for text in (english, chinese):
        assert BUILD.with_source(text) == text, "run `make handbook`"
        assert all(found["printed"] for found in BUILD.PRINTED.finditer(text)), "run `make handbook`"


def test_pages_are_in_the_navigation():
    navigation = (ROOT / "zensical.toml").read_text(encoding="utf-8")
    for language in ("en", "zh"):
        for name in NAMES:
            assert f'"{language}/handbook/{name}"' in navigation


def test_numbers_are_put_below_their_picture_and_renewed():
    text = "![a](../../images/handbook/some.svg)\n\nmore\n"
    first = BUILD.with_printed(text, {"some": ("x 1",)})
    assert first == "![a](../../images/handbook/some.svg)\n\n```text\nx 1\n```\n\nmore\n"
    assert BUILD.with_printed(first, {"some": ("x 2",)}) == first.replace("x 1", "x 2")
    assert BUILD.with_printed(first, {"other": ("x 2",)}) == first


def test_a_claim_that_does_not_hold_ends_the_build():
    figures = BUILD.load("figures")
    with pytest.raises(figures.ClaimFails, match="what its run does not show: 1 is above 2"):
        figures.claim(1 > 2, "1 is above 2")


@pytest.mark.parametrize(("n", "d", "h", "k"), [(7, 3, 5, 2), (1, 1, 16, 1), (64, 1, 16, 1)])
def test_the_gradients_by_hand_are_those_of_autograd(n, d, h, k):
    rng = np.random.default_rng(n)
    X, Y = rng.normal(size=(n, d)), rng.normal(size=(n, k))
    weights = [rng.normal(size=shape) for shape in ((d, h), (h,), (h, k), (k,))]
    loss, by_hand = BUILD.load("training").gradients(X, Y, *weights)
    W1, b1, W2, b2 = tensors = [torch.tensor(w, requires_grad=True) for w in weights]
    expected = ((torch.tanh(torch.tensor(X) @ W1 + b1) @ W2 + b2 - torch.tensor(Y)) ** 2).sum() / (2 * n)
    expected.backward()
    assert loss == pytest.approx(expected.item(), rel=1e-12)
    for gradient, tensor in zip(by_hand, tensors, strict=True):
        np.testing.assert_allclose(gradient, tensor.grad.numpy(), rtol=1e-10, atol=1e-13)


class ByHand(torch.autograd.Function):
    """The chapter's gradients as a torch function; `sign` spoils that of the hidden layer."""

    @staticmethod
    def forward(ctx, X, Y, sign, *weights):
        loss, parts = BUILD.load("training").gradients(X.numpy(), Y.numpy(), *(w.detach().numpy() for w in weights))
        ctx.parts = [torch.from_numpy(sign * parts[0]), *map(torch.from_numpy, parts[1:])]
        return torch.tensor(loss)

    @staticmethod
    def backward(ctx, upstream):
        return None, None, None, *(upstream * part for part in ctx.parts)


class TwoLayers(torch.nn.Module):
    """Its loss on the rows that it is asked for; only its weights have gradients."""

    def __init__(self, sign):
        super().__init__()
        X, Y, weights = BUILD.load("training").two_layers()
        self.X, self.Y, self.sign = torch.from_numpy(X), torch.from_numpy(Y), sign
        self.weights = torch.nn.ParameterList(torch.nn.Parameter(torch.from_numpy(w)) for w in weights)

    def forward(self, rows):
        return ByHand.apply(self.X[rows], self.Y[rows], self.sign, *self.weights)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_check_gradients_accepts_them_and_refuses_a_wrong_sign(sign):
    rows = torch.arange(0, 64, 4)
    found = mapsto.check_gradients(TwoLayers(sign), lambda loss, _: loss.sum(), (rows, rows))
    assert found.ok == (sign == 1.0)
    assert found.wrong == (() if found.ok else ("TwoLayers",))


def test_the_page_shows_the_code_that_is_tested():
    for function in ("forward", "gradients"):
        assert inspect.getsource(getattr(BUILD.load("training"), function)) in page("en", "training.md")


def test_the_package_stays_out_of_the_way():
    assert sys.modules["handbook"].__file__ == str(DOCS / ".handbook" / "__init__.py")
