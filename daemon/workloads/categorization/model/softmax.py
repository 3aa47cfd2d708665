"""Softmax regression (multinomial logistic) on sparse features."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from daemon.workloads.categorization.model.vocabulary import FeatureMatrix

FIRST_STEP = 1.0  # length of the first step of a feature's weights
HIDDEN = 0.2  # share of the examples in which a source is hidden, for each source
BATCHES = 64  # at least so many in a pass, if the examples allow
LARGEST_BATCH = 256  # examples
BLOCK = 4096  # features pruned at a time


class SoftmaxRegression:
    """Learns by gradient descent in small batches; the same calls give the same weights, bit for bit.

    Each feature has its own step length, FIRST_STEP over the root of its squared gradients so far (AdaGrad,
    Duchi, Hazan, Singer 2011, one rate per row): rare features, such as a part-number series, take large
    steps when they are seen. The gradient of a row sums to zero over the categories, so each row of weights
    does.

    weights: float32 (features, categories). prior: float32 (categories,), stays as it is.
    """

    def __init__(self, features: int, prior: NDArray[np.float32]) -> None:
        self.prior = prior
        self.weights = np.zeros((features, len(prior)), dtype=np.float32)
        self._squares = np.full(features, 1e-3, dtype=np.float32)
        self._random = np.random.default_rng(0)

    def learn(self, features: FeatureMatrix, labels: NDArray[np.int32], rows: NDArray[np.intp]) -> None:
        """One pass over these rows, in a new random order.

        Each source is hidden in a random part of the rows, so that none comes to lean on another: products
        with an empty field are decided well too (dropout, Srivastava et al. 2014, of whole sources).
        """
        matrix = self._hide_sources(features)
        order = self._random.permutation(rows)
        size = max(1, min(LARGEST_BATCH, len(order) // BATCHES))
        for start in range(0, len(order), size):
            batch = order[start : start + size]
            self._step(matrix[batch], labels[batch])

    def score(self, matrix: sparse.csr_array) -> NDArray[np.float32]:
        """float32 (rows, categories)."""
        scores: NDArray[np.float32] = matrix @ self.weights
        scores += self.prior
        return scores

    def prune(self, weakest: float) -> sparse.csr_array:
        """The weights of at least this size: float32 CSR, columns ascending."""
        blocks = []
        for start in range(0, max(1, len(self.weights)), BLOCK):
            block = self.weights[start : start + BLOCK]
            blocks.append(sparse.csr_array(np.where(np.abs(block) >= weakest, block, np.float32(0))))
        return sparse.csr_array(sparse.vstack(blocks, format="csr"))

    def _hide_sources(self, features: FeatureMatrix) -> sparse.csr_array:
        """The matrix with zeros where a source is hidden."""
        matrix = features.matrix
        is_seen = self._random.random((matrix.shape[0], features.number_of_sources)) >= HIDDEN
        values = matrix.data * is_seen[features.rows, features.sources]
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
