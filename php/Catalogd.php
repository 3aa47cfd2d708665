<?php

// catalogd for PHP: orders batches, follows them, reads what came of them, and says what people decide.
//
// Copyright (c) 2026 The catalogd authors. SPDX-License-Identifier: MIT
// One file without dependencies, for PHP 8.1 or newer with the extension pdo_pgsql: copy it into your project.

declare(strict_types=1);

namespace Catalogd;

use Generator;
use JsonException;
use PDO;
use PDOStatement;
use RuntimeException;

/** What was asked for is not there, or is not possible any more; the message says so in a sentence for people. */
final class CatalogdException extends RuntimeException
{
}

/**
 * Talks to catalogd by the tables of your own database, over your own connection: there is nothing else to connect to.
 *
 * Every method may be called inside a transaction of yours, but for wait(): what is inserted in one is seen by the daemon
 * when it is committed. What Postgres refuses is a PDOException, as with any other statement; after one your transaction
 * must be rolled back.
 *
 * Times are in UTC, as in 2026-11-28T09:30:00.125Z.
 *
 * @phpstan-type Batch array{
 *     id: int,
 *     status: 'pending'|'processing'|'completed'|'failed'|'cancelled',
 *     is_open: bool,
 *     total: int,
 *     processed: int,
 *     success: int,
 *     errors: int,
 *     percent: int,
 *     retries: int,
 *     created_by: int|null,
 *     created_at: string|null,
 *     started_at: string|null,
 *     completed_at: string|null,
 *     message: string|null,
 * }
 * @phpstan-type Evidence array{type: string|null, label: string|null, value: string|null, weight: float|null}
 * @phpstan-type Prediction array{
 *     id: int,
 *     product_id: int,
 *     batch_id: int,
 *     category: string|null,
 *     label: string|null,
 *     confidence: float|null,
 *     level: 'high'|'medium'|'low'|null,
 *     status: 'pending'|'approved'|'rejected'|'superseded',
 *     alternatives: list<array{code: string, label: string, probability: float}>,
 *     evidence: list<Evidence>,
 * }
 * @phpstan-type ItemError array{item: mixed, code: string, message: string}
 */
final class Catalogd
{
    private const RETRIES = 2;
    private const PAGE = 500;

    /** @param PDO $db a connection to Postgres that throws exceptions, as it does unless told otherwise since PHP 8.0 */
    public function __construct(private readonly PDO $db)
    {
        if ($db->getAttribute(PDO::ATTR_DRIVER_NAME) !== 'pgsql') {
            throw new CatalogdException('catalogd lives in PostgreSQL: this connection is to another kind of database');
        }
        if ($db->getAttribute(PDO::ATTR_ERRMODE) !== PDO::ERRMODE_EXCEPTION) {
            throw new CatalogdException('this connection does not throw exceptions: set PDO::ATTR_ERRMODE to PDO::ERRMODE_EXCEPTION');
        }
    }

    /**
     * Order a batch; the daemon begins within milliseconds of the commit.
     *
     * @param iterable<int|string> $productIds numbers, or strings of digits; one that is neither, or that the shop does not
     *                                         have, becomes an item error, and the rest of the batch goes on
     * @param int|null $createdBy users.id
     * @param int $priority a batch of a higher one goes before all of a lower one
     *
     * @return int the batch's id
     */
    public function insert(iterable $productIds, ?int $createdBy = null, int $priority = 0): int
    {
        $ids = [];
        foreach ($productIds as $id) {
            $ids[] = $id;
        }
        try {
            $json = json_encode($ids, JSON_THROW_ON_ERROR);
        } catch (JsonException $error) {
            throw new CatalogdException('these product ids cannot be written as JSON: ' . $error->getMessage(), 0, $error);
        }
        $insert = $this->run(
            'INSERT INTO categorization_batches (product_ids, created_by, priority) VALUES (?, ?, ?) RETURNING id',
            [$json, $createdBy, $priority],
        );

        return (int) $insert->fetchColumn();
    }

    /**
     * How far a batch is. The total is known when the daemon has planned it, moments after the insert; until then it is 0.
     *
     * @return Batch
     */
    public function progress(int $batchId): array
    {
        $row = $this->run(
            "SELECT status, total_products, processed_products, success_products, error_products, retry_count, created_by,
                    to_char(created_at::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'),
                    to_char(started_at::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'),
                    to_char(completed_at::timestamptz AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"'),
                    error_message
             FROM categorization_batches
             WHERE id = ?",
            [$batchId],
        )->fetch(PDO::FETCH_NUM);
        if ($row === false) {
            throw new CatalogdException("there is no batch $batchId");
        }
        [$status, $total, $processed, $success, $errors, $retries, $createdBy, $created, $started, $completed, $message] = $row;
        $isOpen = in_array($status, ['pending', 'processing'], true);

        return [
            'id' => $batchId,
            'status' => $status,
            'is_open' => $isOpen,
            'total' => (int) $total,
            'processed' => (int) $processed,
            'success' => (int) $success,
            'errors' => (int) $errors,
            'percent' => $total > 0 ? intdiv(100 * (int) $processed, (int) $total) : ($status === 'completed' ? 100 : 0),
            'retries' => (int) $retries,
            'created_by' => $createdBy === null ? null : (int) $createdBy,
            'created_at' => $created,
            'started_at' => $started,
            'completed_at' => $completed,
            'message' => $message,
        ];
    }

    /**
     * Look again and again until the batch has ended, or the time is up: then it is still open. Twenty times a second at first,
     * once a second later. For scripts; a web page looks by itself, from the browser.
     *
     * @param (callable(Batch): mixed)|null $each is given every look
     *
     * @return Batch as last seen
     */
    public function wait(int $batchId, float $seconds = 60.0, ?callable $each = null): array
    {
        if ($this->db->inTransaction()) {
            throw new CatalogdException(
                "waiting for batch $batchId inside a transaction would wait for ever: the daemon sees it when you commit",
            );
        }
        $deadline = hrtime(true) / 1e9 + $seconds;
        $pause = 0.05;
        while (true) {
            $batch = $this->progress($batchId);
            if ($each !== null) {
                $each($batch);
            }
            $left = $deadline - hrtime(true) / 1e9;
            if (!$batch['is_open'] || $left <= 0) {
                return $batch;
            }
            usleep((int) (1e6 * min($pause, $left)));
            $pause = min(1.25 * $pause, 1.0);
        }
    }

    /**
     * The predictions of a batch with their evidence, the strongest first, by product id. They are fetched by the hundred, so
     * a million of them need no memory, and you may do other things with the connection meanwhile.
     *
     * @param 'pending'|'approved'|'rejected'|'superseded'|null $status only these
     * @param 'high'|'medium'|'low'|null $level only these
     *
     * @return Generator<int, Prediction>
     */
    public function predictions(int $batchId, ?string $status = null, ?string $level = null): Generator
    {
        $after = -1;
        do {
            $page = $this->run(
                "SELECT id, product_id, suggested_category_code, suggested_category_label, confidence_score, confidence_level,
                        status, alternatives,
                        (SELECT jsonb_agg(jsonb_build_object('type', source_type, 'label', source_label,
                                                             'value', evidence_value, 'weight', weight)
                                          ORDER BY weight DESC NULLS LAST, evidence.id)
                         FROM evidence
                         WHERE evidence.prediction_id = predictions.id)
                 FROM predictions
                 WHERE batch_id = ?
                   AND product_id > ?
                   AND (?::text IS NULL OR status = ?)
                   AND (?::text IS NULL OR confidence_level = ?)
                 ORDER BY product_id
                 LIMIT " . self::PAGE,
                [$batchId, $after, $status, $status, $level, $level],
            )->fetchAll(PDO::FETCH_NUM);
            foreach ($page as [$id, $product, $code, $label, $score, $itsLevel, $itsStatus, $alternatives, $evidence]) {
                $after = (int) $product;
                yield [
                    'id' => (int) $id,
                    'product_id' => $after,
                    'batch_id' => $batchId,
                    'category' => $code,
                    'label' => $label,
                    'confidence' => $score === null ? null : (float) $score,
                    'level' => $itsLevel,
                    'status' => $itsStatus,
                    'alternatives' => self::decode($alternatives) ?? [],
                    'evidence' => array_map(
                        static fn (array $one): array => [
                            'type' => $one['type'],
                            'label' => $one['label'],
                            'value' => $one['value'],
                            'weight' => $one['weight'] === null ? null : (float) $one['weight'],
                        ],
                        self::decode($evidence) ?? [],
                    ),
                ];
            }
        } while (count($page) === self::PAGE);
    }

    /**
     * The items of a batch that could not be treated, in the order in which that was found.
     *
     * @return Generator<int, ItemError> item: as it stood in the list; code: not_an_id, unknown_product and others, for
     *                                   programs; message: for people
     */
    public function errors(int $batchId): Generator
    {
        $after = 0;
        do {
            $page = $this->run(
                'SELECT id, item, code, message FROM categorization_errors WHERE batch_id = ? AND id > ? ORDER BY id LIMIT '
                . self::PAGE,
                [$batchId, $after],
            )->fetchAll(PDO::FETCH_NUM);
            foreach ($page as [$id, $item, $code, $message]) {
                $after = (int) $id;
                yield ['item' => self::decode($item), 'code' => $code, 'message' => $message];
            }
        } while (count($page) === self::PAGE);
    }

    /** A person says that the prediction is right. Twice is once; one that somebody has decided otherwise is refused. */
    public function approve(int $predictionId, int $user): void
    {
        $this->decide($predictionId, 'approved', $user);
    }

    /** A person says that it is wrong: this category is not suggested for the product again. */
    public function reject(int $predictionId, int $user): void
    {
        $this->decide($predictionId, 'rejected', $user);
    }

    /** Take a decision back: the prediction waits again, or is superseded where there is a newer one for its product. */
    public function withdraw(int $predictionId, int $user): void
    {
        $withdrawn = $this->as('user', $user, fn (): int => $this->run(
            "UPDATE predictions AS decided
             SET status = CASE
                     WHEN EXISTS (SELECT FROM predictions AS newer
                                  WHERE newer.product_id = decided.product_id AND newer.id > decided.id) THEN 'superseded'
                     ELSE 'pending'
                 END,
                 updated_at = now()
             WHERE id = ? AND status IN ('approved', 'rejected')",
            [$predictionId],
        )->rowCount());
        if ($withdrawn === 0) {
            $this->statusOf($predictionId);
        }
    }

    /**
     * Accept by machine what is sure enough. It counts as nobody's decision: nothing is learned from it, and how right the
     * predictions proved to be is not told by it.
     *
     * @return int how many were approved
     */
    public function approveSure(int $batchId, float $confidence = 99.0): int
    {
        return $this->as('auto', null, fn (): int => $this->run(
            "UPDATE predictions
             SET status = 'approved',
                 updated_at = now()
             WHERE id IN (SELECT id
                          FROM predictions
                          WHERE batch_id = ? AND status = 'pending' AND confidence_score >= ?
                          ORDER BY id
                          FOR NO KEY UPDATE)",
            [$batchId, $confidence],
        )->rowCount());
    }

    /**
     * A person names the right category of a predicted product; null: none of them. The prediction's status stays.
     *
     * @return int the recommendation's id
     */
    public function recommend(int $predictionId, ?string $category, int $user, ?string $reason = null): int
    {
        $this->statusOf($predictionId);
        $insert = $this->as('user', $user, fn (): PDOStatement => $this->run(
            'INSERT INTO human_recommendations (prediction_id, category_code, created_by, reason) VALUES (?, ?, ?, ?) RETURNING id',
            [$predictionId, $category, $user, $reason],
        ));

        return (int) $insert->fetchColumn();
    }

    /** Treat again what a batch that has ended has no prediction for; twice at most. */
    public function retry(int $batchId): void
    {
        $retried = $this->run(
            "UPDATE categorization_batches
             SET status = 'pending',
                 retry_count = greatest(retry_count, 0) + 1
             WHERE id = ?
               AND status IN ('completed', 'failed', 'cancelled')
               AND coalesce(retry_count, 0) < ?",
            [$batchId, self::RETRIES],
        )->rowCount();
        if ($retried === 0) {
            $batch = $this->progress($batchId);
            throw new CatalogdException(
                $batch['is_open']
                    ? "batch $batchId is {$batch['status']}: it can be tried again when it has ended"
                    : "batch $batchId was tried again {$batch['retries']} times: insert a new one for what is left",
            );
        }
    }

    /** Stop an open batch; what it has done stays. False where it had ended already. */
    public function cancel(int $batchId): bool
    {
        $cancelled = $this->run(
            "UPDATE categorization_batches SET status = 'cancelled' WHERE id = ? AND status IN ('pending', 'processing')",
            [$batchId],
        )->rowCount();

        if ($cancelled === 0) {
            $this->progress($batchId);
        }

        return $cancelled > 0;
    }

    private function decide(int $predictionId, string $verdict, int $user): void
    {
        $decided = $this->as('user', $user, fn (): int => $this->run(
            "UPDATE predictions SET status = ?, updated_at = now() WHERE id = ? AND status = 'pending'",
            [$verdict, $predictionId],
        )->rowCount());
        $status = $decided > 0 ? $verdict : $this->statusOf($predictionId);
        if ($status !== $verdict) {
            throw new CatalogdException(
                $status === 'superseded'
                    ? "prediction $predictionId is superseded: a newer one for its product waits for a decision"
                    : "prediction $predictionId is $status already: withdraw that first",
            );
        }
    }

    private function statusOf(int $predictionId): string
    {
        $status = $this->run('SELECT status FROM predictions WHERE id = ?', [$predictionId])->fetchColumn();
        if ($status === false) {
            throw new CatalogdException("there is no prediction $predictionId");
        }

        return $status;
    }

    /**
     * Tell the audit log who acts while $work is done: in the caller's transaction, whose settings are as before afterwards,
     * or in one of its own.
     *
     * @template T
     *
     * @param callable(): T $work
     *
     * @return T
     */
    private function as(string $actor, ?int $user, callable $work): mixed
    {
        $isOwn = !$this->db->inTransaction();
        if ($isOwn) {
            $this->db->beginTransaction();
        }
        try {
            $before = $this->run(
                "SELECT coalesce(current_setting('catalogd.actor', true), ''), coalesce(current_setting('catalogd.user', true), '')",
            )->fetch(PDO::FETCH_NUM);
            $set = "SELECT set_config('catalogd.actor', ?, true), set_config('catalogd.user', ?, true)";
            $this->run($set, [$actor, (string) $user]);
            $result = $work();
            $this->run($set, $before);
            if ($isOwn) {
                $this->db->commit();
            }

            return $result;
        } finally {
            if ($isOwn && $this->db->inTransaction()) {
                $this->db->rollBack();
            }
        }
    }

    /** @param list<int|float|string|null> $values */
    private function run(string $sql, array $values = []): PDOStatement
    {
        $statement = $this->db->prepare($sql);
        $statement->execute($values);

        return $statement;
    }

    private static function decode(?string $json): mixed
    {
        return $json === null ? null : json_decode($json, true, 512, JSON_THROW_ON_ERROR | JSON_BIGINT_AS_STRING);
    }
}
