"""Each loss against scikit-learn, torch, or its paper's formula written out in numpy."""

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss, mean_pinball_loss, mean_poisson_deviance

from mapsto.data.encoders.base import Spec
from mapsto.data.encoders.values import Values
from mapsto.errors import DataError, RecipeError
from mapsto.recipe.families import LOSSES, TASKS
from mapsto.recipe.schema import DataOptions, Recipe
from mapsto.recipe.space import Space
from mapsto.tasks.losses.asymmetric import Asymmetric
from mapsto.tasks.losses.binary import Binary
from mapsto.tasks.losses.contrastive import Contrastive
from mapsto.tasks.losses.cross_entropy import CrossEntropy
from mapsto.tasks.losses.dice import Dice
from mapsto.tasks.losses.focal import Focal
from mapsto.tasks.losses.huber import Huber
from mapsto.tasks.losses.lovasz import Lovasz
from mapsto.tasks.losses.mae import MAE
from mapsto.tasks.losses.mse import MSE
from mapsto.tasks.losses.poisson import Poisson
from mapsto.tasks.losses.quantile import Quantile
from mapsto.tasks.losses.triplet import Triplet
from mapsto.testing.losses import VOID, check_loss, sample_outputs, sample_targets

PAIRS = sorted(
    {(TASKS.get(task).streams["targets"], loss) for task in TASKS.names() for loss in TASKS.get(task).losses}
)
CLASSES = Spec("classes", (), "int64", names=("a", "b", "c", "d"))
RNG = np.random.default_rng(0)
LOGITS = RNG.normal(0, 2, (40, 4))
LABELS = np.concatenate([np.arange(4), RNG.integers(0, 4, 36)])
WEIGHTS = RNG.uniform(0.1, 5, 40)
OUTPUT, TARGET = RNG.normal(0, 1.5, 40), RNG.normal(size=40)
VALUES = Spec("values", (), "float32", shift=(-3.0,), scale=(2.0,))


def softmax(logits, axis=1):
    e = np.exp(logits - logits.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def sigmoid(values):
    return 1 / (1 + np.exp(-values))


def of_classes(loss, weights=None):
    weights = None if weights is None else torch.from_numpy(weights)
    return float(loss.mean(torch.from_numpy(LOGITS), torch.from_numpy(LABELS), weights, CLASSES))


def rows_of_classes(loss):
    return loss.rows(torch.from_numpy(LOGITS), torch.from_numpy(LABELS), CLASSES).numpy()


def rows_of_values(loss, target=TARGET, spec=VALUES):
    return loss.rows(torch.from_numpy(OUTPUT), torch.from_numpy(target), spec).numpy()


@pytest.mark.parametrize(("targets", "loss"), PAIRS)
def test_conformance(targets, loss):
    check_loss(LOSSES.get(loss), targets)


@pytest.mark.parametrize(
    ("loss", "targets", "settings"),
    [
        ("cross_entropy", "classes", {"label_smoothing": 0.2}),
        ("cross_entropy", "masks", {"label_smoothing": 0.2}),
        ("focal", "classes", {"gamma": 0.5}),
        ("focal", "classes", {"gamma": 0.0}),
        ("asymmetric", "classes", {"gamma_positive": 0.5, "gamma_negative": 0.5, "margin": 0.0}),
        ("asymmetric", "classes", {"gamma_positive": 1.0, "margin": 0.3}),
        ("quantile", "values", {"quantile": 0.05}),
        ("huber", "values", {"delta": 0.1}),
        ("contrastive", "classes", {"share": 1.0, "temperature": 0.05}),
        ("triplet", "classes", {"share": 1.0, "margin": 2.0}),
    ],
)
def test_conformance_of_other_settings(loss, targets, settings):
    check_loss(LOSSES.get(loss), targets, **settings)


class MeanOfAll(MAE):
    def rows(self, outputs, targets, spec):
        return super().rows(outputs, targets, spec).mean()


class Unbounded(MAE):
    def rows(self, outputs, targets, spec):
        return (outputs - targets).exp() + (targets - outputs).exp()


class Detached(MAE):
    def rows(self, outputs, targets, spec):
        return (outputs - targets) * (outputs - targets).detach()


class MeanOfAnother(MSE):
    def rows(self, outputs, targets, spec):
        return 2 * super().rows(outputs, targets, spec)


class OfVoid(CrossEntropy):
    def rows(self, outputs, targets, spec):
        return super().rows(outputs, targets, spec) + outputs.square().flatten(1).mean(1)


class Raw(CrossEntropy):
    def link(self, outputs, spec):
        return outputs


@pytest.mark.parametrize(
    ("loss", "targets", "message"),
    [
        (MeanOfAll, "values", "one loss a row"),
        (Unbounded, "values", "is not finite"),
        (Detached, "values", "slopes do not agree"),
        (MeanOfAnother, "values", "that of the rows"),
        (OfVoid, "masks", "that of the rows|void"),
        (Raw, "classes", "sum 1"),
    ],
)
def test_the_suite_finds_what_is_wrong(loss, targets, message):
    with pytest.raises(AssertionError, match=message):
        check_loss(loss, targets)


def test_every_loss_fits_a_task():
    assert {loss for _, loss in PAIRS} == set(LOSSES.built_in())


# -- classes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_cross_entropy_is_the_log_loss(weights):
    expected = log_loss(LABELS, softmax(LOGITS), sample_weight=weights)
    assert of_classes(CrossEntropy(), weights) == pytest.approx(expected)


def test_label_smoothing_spreads_the_target():
    smoothed = 0.9 * np.eye(4)[LABELS] + 0.1 / 4
    expected = -(smoothed * np.log(softmax(LOGITS))).sum(1)
    np.testing.assert_allclose(rows_of_classes(CrossEntropy(label_smoothing=0.1)), expected)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_binary_is_the_log_loss_of_each_class(weights):
    expected = sum(log_loss(c == LABELS, sigmoid(LOGITS[:, c]), sample_weight=weights) for c in range(4))
    assert of_classes(Binary(), weights) == pytest.approx(expected)


@pytest.mark.parametrize("loss", [Binary(), Asymmetric()])
def test_one_vs_rest_answers_sigmoids_with_the_sum_1(loss):
    found = loss.link(torch.from_numpy(LOGITS), CLASSES).numpy()
    expected = sigmoid(LOGITS) / sigmoid(LOGITS).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found, expected)


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_is_the_papers_formula(gamma):
    p = softmax(LOGITS)[np.arange(40), LABELS]
    np.testing.assert_allclose(rows_of_classes(Focal(gamma=gamma)), -((1 - p) ** gamma) * np.log(p), rtol=1e-6)


@pytest.mark.parametrize(("plus", "minus", "margin"), [(0.0, 4.0, 0.05), (1.0, 2.0, 0.2), (2.0, 2.0, 0.0)])
def test_asymmetric_is_the_papers_formula(plus, minus, margin):
    p, y = sigmoid(LOGITS), np.eye(4)[LABELS]
    m = np.maximum(p - margin, 0)
    expected = -(y * (1 - p) ** plus * np.log(p) + (1 - y) * m**minus * np.log(1 - m)).sum(1)
    loss = Asymmetric(gamma_positive=plus, gamma_negative=minus, margin=margin)
    np.testing.assert_allclose(rows_of_classes(loss), expected, rtol=1e-6, atol=1e-9)


def test_asymmetric_without_its_settings_is_binary():
    plain = Asymmetric(gamma_positive=0, gamma_negative=0, margin=0)
    np.testing.assert_allclose(rows_of_classes(plain), rows_of_classes(Binary()))


@pytest.mark.parametrize("loss", [Binary(), Focal(gamma=1.5), Asymmetric(gamma_positive=1.0)])
def test_losses_of_labels_are_the_papers_formulas_and_answer_sigmoids(loss):
    spec = Spec("labels", (4,), "uint8", names=("a", "b", "c", "d"))
    y, p = RNG.integers(0, 2, (40, 4)), sigmoid(LOGITS)
    y[:2] = [[0, 0, 0, 0], [1, 1, 1, 1]]
    m = np.maximum(p - 0.05, 0)
    expected = {
        "binary": -(y * np.log(p) + (1 - y) * np.log(1 - p)),
        "focal": -(y * (1 - p) ** 1.5 * np.log(p) + (1 - y) * p**1.5 * np.log(1 - p)),
        "asymmetric": -(y * (1 - p) * np.log(p) + (1 - y) * m**4 * np.log(1 - m)),
    }[loss.name]
    found = loss.rows(torch.from_numpy(LOGITS), torch.from_numpy(y.astype(np.uint8)), spec)
    np.testing.assert_allclose(found.numpy(), expected.sum(axis=1), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(loss.link(torch.from_numpy(LOGITS), spec).numpy(), p)


def test_contrastive_is_the_papers_formula():
    z = LOGITS / np.linalg.norm(LOGITS, axis=1, keepdims=True)
    expected = np.zeros(40)
    for i in range(40):
        others = [a for a in range(40) if a != i]
        positives = [p for p in others if LABELS[p] == LABELS[i]]
        whole = sum(np.exp(z[i] @ z[a] / 0.2) for a in others)
        expected[i] = -np.mean([np.log(np.exp(z[i] @ z[p] / 0.2) / whole) for p in positives])
    np.testing.assert_allclose(rows_of_classes(Contrastive(share=1, temperature=0.2)), expected)
    own = rows_of_classes(CrossEntropy())
    np.testing.assert_allclose(rows_of_classes(Contrastive(share=0.3, temperature=0.2)), 0.7 * own + 0.3 * expected)


def test_triplet_takes_the_hardest_pairs():
    z = LOGITS / np.linalg.norm(LOGITS, axis=1, keepdims=True)
    distances = np.linalg.norm(z[:, None] - z[None], axis=2)
    expected = np.zeros(40)
    for i in range(40):
        own = [distances[i, j] for j in range(40) if j != i and LABELS[j] == LABELS[i]]
        other = [distances[i, j] for j in range(40) if LABELS[j] != LABELS[i]]
        expected[i] = max(0, 0.4 + max(own) - min(other))
    np.testing.assert_allclose(rows_of_classes(Triplet(share=1, margin=0.4)), expected, atol=2e-4)


@pytest.mark.parametrize("loss", [Contrastive(share=0.5), Triplet(share=0.5)])
@pytest.mark.parametrize("labels", [[0], [1, 1, 1], [0, 1, 2, 3]])
def test_rows_without_partners_have_no_term_of_pairs(loss, labels):
    outputs = torch.from_numpy(LOGITS[: len(labels)]).requires_grad_()
    targets = torch.tensor(labels)
    rows = loss.rows(outputs, targets, CLASSES)
    rows.sum().backward()
    assert outputs.grad is not None
    assert torch.isfinite(outputs.grad).all()
    if labels != [1, 1, 1] or loss.name == "triplet":
        own = CrossEntropy().rows(outputs, targets, CLASSES)
        torch.testing.assert_close(rows, 0.5 * own)


# -- masks -------------------------------------------------------------------------------------------------------------


def masks():
    targets, spec = sample_targets("masks")
    outputs = sample_outputs(targets, "masks")
    return outputs, targets, spec, softmax(outputs.numpy()), targets.numpy()


def jaccard_loss(wrong, truth):
    """`1 − IoU` of a class whose true pixels are `truth` when the pixels in `wrong` are answered wrongly."""
    predicted = truth ^ wrong
    return 1 - (predicted & truth).sum() / max(1, (predicted | truth).sum())


def test_pixels_of_cross_entropy_and_focal_count_alike():
    outputs, targets, spec, p, truth = masks()
    kept = [
        (p[row, truth[row, i, j], i, j])
        for row in range(len(truth))
        for i in range(6)
        for j in range(8)
        if truth[row, i, j] != VOID
    ]
    of_pixels = np.array(kept)
    assert float(CrossEntropy().mean(outputs, targets, None, spec)) == pytest.approx(-np.log(of_pixels).mean())
    focal = -((1 - of_pixels) ** 2) * np.log(of_pixels)
    assert float(Focal().mean(outputs, targets, None, spec)) == pytest.approx(focal.mean())


def test_dice_is_its_formula():
    outputs, targets, spec, p, truth = masks()
    for row, found in enumerate(Dice().rows(outputs, targets, spec).tolist()[:-1]):
        scored = truth[row] != VOID
        losses = []
        for c in np.unique(truth[row][scored]):
            q, y = p[row, c][scored], truth[row][scored] == c
            losses.append(1 - 2 * q[y].sum() / (q.sum() + y.sum()))
        assert found == pytest.approx(np.mean(losses))


def test_lovasz_is_the_papers_extension():
    outputs, targets, spec, p, truth = masks()
    for row, found in enumerate(Lovasz().rows(outputs, targets, spec).tolist()[:-1]):
        scored = truth[row] != VOID
        losses = []
        for c in np.unique(truth[row][scored]):
            q, y = p[row, c][scored], truth[row][scored] == c
            errors = np.abs(y - q)
            order = np.argsort(-errors)
            wrong, before, total = np.zeros(len(y), dtype=bool), 0.0, 0.0
            for pixel in order:  # Berman et al., equation 9
                wrong[pixel] = True
                after = jaccard_loss(wrong, y)
                total += errors[pixel] * (after - before)
                before = after
            losses.append(total)
        assert found == pytest.approx(np.mean(losses))


def test_lovasz_of_sure_answers_is_1_minus_the_iou():
    targets = torch.tensor([[[0, 0, 1, 1], [0, 1, 1, VOID]]], dtype=torch.uint8)
    answers = torch.tensor([[[0, 1, 1, 1], [0, 1, 0, 0]]])
    outputs = 1e4 * torch.nn.functional.one_hot(answers, 2).movedim(-1, 1).float()
    spec = Spec("masks", (2, 4), "uint8", names=("0", "1"), ignore=VOID)
    # Class 0: 2 of 4 right (the void pixel is not one of them); class 1: 3 of 5.
    assert float(Lovasz().mean(outputs, targets, None, spec)) == pytest.approx(1 - (2 / 4 + 3 / 5) / 2)


# -- values ------------------------------------------------------------------------------------------------------------


def test_squared_absolute_and_huber_errors():
    error = OUTPUT - TARGET
    np.testing.assert_allclose(rows_of_values(MSE()), error**2)
    np.testing.assert_allclose(rows_of_values(MAE()), np.abs(error))
    far = np.abs(error) > 0.7
    expected = np.where(far, 0.7 * (np.abs(error) - 0.35), error**2 / 2)
    np.testing.assert_allclose(rows_of_values(Huber(delta=0.7)), expected)
    assert 5 < far.sum() < 35


@pytest.mark.parametrize("q", [0.05, 0.5, 0.9])
def test_quantile_is_the_pinball_loss(q):
    found = Quantile(quantile=q).mean(torch.from_numpy(OUTPUT), torch.from_numpy(TARGET), None, VALUES)
    assert float(found) == pytest.approx(mean_pinball_loss(TARGET, OUTPUT, alpha=q))


def test_poisson_is_half_the_deviance_up_to_its_constant():
    counts = RNG.poisson(6, 40).astype(float)
    counts[0] = 0
    stored = (counts - 6) / 2  # mean 6 and deviation 2, as VALUES has them
    rates = Poisson().link(torch.from_numpy(OUTPUT), VALUES).numpy()
    np.testing.assert_allclose(rates, 6 * np.exp(OUTPUT))
    with np.errstate(divide="ignore", invalid="ignore"):
        constant = np.where(counts > 0, counts * np.log(counts / 6), 0) - counts
    found = 6 * rows_of_values(Poisson(), stored).mean() + constant.mean()
    assert found == pytest.approx(mean_poisson_deviance(counts, rates) / 2)


@pytest.mark.parametrize("least", [-1.0, -0.01])
def test_poisson_refuses_negative_targets(least):
    counts, refused = np.array([0.0, 4, 3, 8, 5]), np.array([least, 4, 3, 8, 5])
    for values, fine in ((counts, True), (counts * 1e6, True), (refused, False)):
        encoder = Values(["visits"], DataOptions())
        encoder.mean, encoder.std = float(values.mean()), float(values.std())
        stored = torch.from_numpy(((values - encoder.mean) / encoder.std).astype(np.float32))
        if fine:
            Poisson().check(stored, encoder)
        else:
            with pytest.raises(DataError, match=r'the target "visits" goes down to -.*Choose another loss'):
                Poisson().check(stored, encoder)


# -- recipes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS.names())
def test_the_default_loss_is_the_tasks_first(task):
    assert Recipe.from_leaves({"task.name": task}).loss.name == TASKS.get(task).losses[0]


@pytest.mark.parametrize("loss", ["dice", "mse"])
def test_a_loss_that_does_not_fit_is_refused(loss):
    with pytest.raises(
        RecipeError, match=rf"`loss.name` is {loss}, which does not fit image_classification; what fits"
    ):
        Recipe.from_leaves({"task.name": "image_classification", "loss.name": loss})


def test_a_loss_can_be_searched_with_its_settings():
    space = Space.from_settings(
        ["task=tabular_regression", "loss.name=choice(huber, mse)", "loss.delta=uniform(0.1, 2)"]
    )
    assert space.walk(lambda name, range_: "huber" if name == "loss.name" else 1.5) == {
        "loss.name": "huber",
        "loss.delta": 1.5,
    }
    assert space.walk(lambda name, range_: "mse" if name == "loss.name" else 1.5) == {"loss.name": "mse"}


def test_a_task_without_its_loss_says_so():
    task = Recipe.from_leaves({"task.name": "tabular_regression"}).task
    with pytest.raises(ValueError, match="has no loss yet"):
        task.predict(torch.zeros(2, 1))
