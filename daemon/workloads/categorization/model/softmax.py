"""Softmax regression (multinomial logistic) on sparse features."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from daemon.workloads.categorization.model.vocabulary import FeatureMatrix

FIRST_STEP = 0.5  # length of the first step of a feature's weights
HIDDEN = 0.1  # share of the examples in which a field is hidden, for each field
BATCHES = 64  # at least so many in a pass, if the examples allow
LARGEST_BATCH = 256  # examples


class SoftmaxRegression:
    """Learns by gradient descent in small batches; the same calls give the same weights, bit for bit.

    Each feature has its own step length, FIRST_STEP over the root of its squared gradients so far (AdaGrad,
    Duchi, Hazan, Singer 2011, one rate per row): rare features, such as a part-number series, take large
    steps when they are seen. The gradient of a row sums to zero over the categories, so each row of weights
    does: a weight says how much more a feature speaks for a category than for the average one.

    weights: float32 (features, categories). prior: float32 (categories,), stays as it is.
    """

    def __init__(self, features: int, prior: NDArray[np.float32]) -> None:
        self.prior = prior
        self.weights = np.zeros((features, len(prior)), dtype=np.float32)
        self._squares = np.full(features, 1e-3, dtype=np.float32)
        self._random = np.random.default_rng(0)

    def learn(self, features: FeatureMatrix, labels: NDArray[np.int32], fields: NDArray[np.intp]) -> None:
        """One pass over all rows, in a new random order. `fields` has the number of each source's field.

        Each field is hidden in a random part of the rows, so that none comes to lean on another: products
        with an empty field are decided well too (dropout, Srivastava et al. 2014, of whole fields).
        """
        matrix = self._hide_fields(features, fields)
        order = self._random.permutation(len(labels))
        size = max(1, min(LARGEST_BATCH, len(order) // BATCHES))
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            self._step(matrix[batch], labels[batch])

    def _hide_fields(self, features: FeatureMatrix, fields: NDArray[np.intp]) -> sparse.csr_array:
        """The matrix with zeros where a field is hidden."""
        matrix = features.matrix
        is_seen = self._random.random((matrix.shape[0], int(fields.max(initial=0)) + 1)) >= HIDDEN
        values = matrix.data * is_seen[features.rows, fields[features.sources]]
        return sparse.csr_array((values, matrix.indices, matrix.indptr), shape=matrix.shape)

    def _step(self, batch: sparse.csr_array, labels: NDArray[np.int32]) -> None:
        """Descend along the gradient of the batch; only the features in it are touched."""
        columns, places = np.unique(batch.indices, return_inverse=True)
        narrow = sparse.csr_array((batch.data, places, batch.indptr), shape=(len(labels), len(columns)))
        weights = self.weights[columns]
        error = softmax(narrow @ weights + self.prior)
        error[np.arange(len(labels)), labels] -= 1
        gradient: NDArray[np.float32] = narrow.T @ error
        self._squares[columns] += np.einsum("ij,ij->i", gradient, gradient)
        gradient *= (FIRST_STEP / np.sqrt(self._squares[columns]))[:, None]
        self.weights[columns] = weights - gradient


def softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Probabilities (rows, categories) from scores; safe for large ones."""
    shares: NDArray[np.float32] = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    return shares


def log_softmax(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logarithms of probabilities (rows, categories) from scores; safe for large ones."""
    shifted: NDArray[np.float32] = scores - scores.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted
