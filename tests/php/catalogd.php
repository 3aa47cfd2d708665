<?php

// The assertions of php/Catalogd.php, beside a real daemon: 560 products are there, and a model. Run by test_class.py, each
// time with five products of its own: the first is a pipe, the next a hammer, and so on.

declare(strict_types=1);

require __DIR__ . '/../../php/Catalogd.php';

use Catalogd\Catalogd;
use Catalogd\CatalogdException;

function same(mixed $expected, mixed $actual, string $what): void
{
    if ($expected !== $actual) {
        fwrite(STDERR, "$what: expected " . var_export($expected, true) . ', got ' . var_export($actual, true) . "\n");
        exit(1);
    }
    echo "$what\n";
}

function refused(string $message, callable $act, string $class = CatalogdException::class): void
{
    try {
        $act();
    } catch (Exception $error) {
        same($class, $error::class, "refused: $message");
        same(true, str_contains($error->getMessage(), $message), "said: {$error->getMessage()}");
        return;
    }
    same($message, null, 'refused');
}

[$a, $b, $c, $d, $e] = range((int) getenv('SHOP_FIRST'), getenv('SHOP_FIRST') + 4);
$db = new PDO(getenv('SHOP_DSN'), null, null, json_decode(getenv('SHOP_OPTIONS'), true));
$catalogd = new Catalogd($db);
$audited = static fn (int $id, string $entity = 'prediction'): array => array_map(
    static fn (array $entry): array => [$entry[0], $entry[1], $entry[2] === null ? null : (int) $entry[2]],
    $db->query("SELECT action, actor_type, actor_id FROM audit_log
        WHERE entity_type = '$entity' AND entity_id = $id AND actor_type <> 'daemon' ORDER BY id")->fetchAll(PDO::FETCH_NUM),
);

// A batch, from the insert to what came of it.
$id = $catalogd->insert([$a, "$b", $b, $c, 9404, 'x', '9223372036854775808', null, ['a' => 1]], createdBy: 7);
$looks = [];
$batch = $catalogd->wait($id, 30, function (array $look) use (&$looks): void {
    $looks[] = $look['processed'];
});
same(
    ['completed', false, 8, 8, 3, 5, 100, 0, 7, null],
    [$batch['status'], $batch['is_open'], $batch['total'], $batch['processed'], $batch['success'], $batch['errors'],
        $batch['percent'], $batch['retries'], $batch['created_by'], $batch['message']],
    'a batch is treated',
);
same(8, end($looks), 'every look is told');
same(true, $batch['created_at'] <= $batch['started_at'] && $batch['started_at'] <= $batch['completed_at'], 'times are in order');
same(1, preg_match('/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/', $batch['created_at']), 'times are in UTC');
same(true, abs(time() - strtotime($batch['completed_at'])) < 60, 'times are true');
same($batch, $catalogd->progress($id), 'the last look is the state');
same($batch, json_decode(json_encode($batch), true), 'a state is JSON');

$predictions = iterator_to_array($catalogd->predictions($id));
same([$a, $b, $c], array_column($predictions, 'product_id'), 'each product once, numbers or digits');
[$first, $second, $third] = $predictions;
same([$id, 'pipes', 'Pipes', 'pending'], [$first['batch_id'], $first['category'], $first['label'], $first['status']], 'a prediction');
same('hammers', $second['category'], 'another');
same(true, is_float($first['confidence']) && $first['confidence'] >= 10.0 && $first['confidence'] <= 100.0, 'confidence is a number');
same(true, in_array($first['level'], ['high', 'medium', 'low'], true), 'with a level');
same(['type', 'label', 'value', 'weight'], array_keys($first['evidence'][0]), 'with evidence');
$weights = array_column($first['evidence'], 'weight');
$sorted = $weights;
rsort($sorted);
same([$sorted, true], [$weights, is_float($weights[0])], 'the strongest first');
same([], iterator_to_array($catalogd->predictions($id, status: 'approved')), 'by status');
same(
    count(array_filter($predictions, static fn (array $one): bool => $one['level'] === 'low')),
    count(iterator_to_array($catalogd->predictions($id, level: 'low'))),
    'by level',
);

$errors = iterator_to_array($catalogd->errors($id));
$codes = array_map(static fn (array $error): string => json_encode($error['item']) . ' ' . $error['code'], $errors);
sort($codes);
same(
    ['"9223372036854775808" not_an_id', '"x" not_an_id', '9404 unknown_product', 'null not_an_id', '{"a":1} not_an_id'],
    $codes,
    'what failed, as it stood in the list',
);
same(true, str_contains($errors[0]['message'], ' '), 'and why, in words');

// What people decide, and who.
$catalogd->approve($first['id'], user: 7);
$catalogd->approve($first['id'], user: 7);
same([['approved', 'user', 7]], $audited($first['id']), 'twice is once');
refused("prediction {$first['id']} is approved already", fn () => $catalogd->reject($first['id'], 7));
$catalogd->withdraw($first['id'], 7);
$catalogd->withdraw($first['id'], 7);
$catalogd->reject($first['id'], 7);
same([['approved', 'user', 7], ['withdrawn', 'user', 7], ['rejected', 'user', 7]], $audited($first['id']), 'minds change');
same([$a], array_column(iterator_to_array($catalogd->predictions($id, status: 'rejected')), 'product_id'), 'a status is read');
same(true, $catalogd->recommend($second['id'], 'pipes', 7, 'it is hollow') > 0, 'another category');
same(true, $catalogd->recommend($second['id'], null, 7) > 0, 'none of them');
same(2, count($audited($second['id'])), 'recommendations are audited');
refused('there is no prediction 999999', fn () => $catalogd->approve(999999, 7));
refused('there is no prediction 999999', fn () => $catalogd->withdraw(999999, 7));
refused('there is no prediction 999999', fn () => $catalogd->recommend(999999, 'pipes', 7));
refused('violates foreign key', fn () => $catalogd->recommend($third['id'], 'pipes', 987), PDOException::class);
same(false, $db->inTransaction(), 'no transaction is left open');

// By machine, in the caller's transaction: its settings are the caller's again.
$db->beginTransaction();
$db->exec("SELECT set_config('catalogd.user', '7', true)");
same(0, $catalogd->approveSure($id, 100.01), 'nothing is so sure');
same(2, $catalogd->approveSure($id, 10), 'what is pending and sure');
same(['', '7'], $db->query(
    "SELECT current_setting('catalogd.actor', true), current_setting('catalogd.user', true)"
)->fetch(PDO::FETCH_NUM), 'settings are as before');
same(true, $db->inTransaction(), 'the transaction is still the caller\'s');
$db->commit();
same([['approved', 'auto', null]], $audited($third['id']), 'a machine is told from a person');

// In the shop's own transaction: with its commit, or not at all.
$db->beginTransaction();
$gone = $catalogd->insert([$d]);
same(['pending', true, 0, 0], array_slice(array_values($catalogd->progress($gone)), 1, 4), 'waits for the commit');
refused('inside a transaction would wait for ever', fn () => $catalogd->wait($gone));
refused("batch $gone is pending", fn () => $catalogd->retry($gone));
$db->rollBack();
refused("there is no batch $gone", fn () => $catalogd->progress($gone));
refused("there is no batch $gone", fn () => $catalogd->cancel($gone));
refused("there is no batch $gone", fn () => $catalogd->retry($gone));

// Cancel and retry: what a newer batch predicted goes before.
$db->beginTransaction();
$stopped = $catalogd->insert((function () use ($a, $e) {
    yield $a;
    yield $e;
})(), priority: 1);
same([true, false], [$catalogd->cancel($stopped), $catalogd->cancel($stopped)], 'once');
$db->commit();
same('cancelled', $catalogd->progress($stopped)['status'], 'cancelled');
foreach ([1, 2] as $time) {
    $catalogd->retry($stopped);
    $again = $catalogd->wait($stopped, 30);
    same(['completed', 2, $time], [$again['status'], $again['success'], $again['retries']], "tried again, $time");
}
refused("batch $stopped was tried again 2 times: insert a new one", fn () => $catalogd->retry($stopped));
same(['cancelled', 'retried', 'retried'], array_column($audited($stopped, 'categorization_batch'), 0), 'orders are audited');
$catalogd->withdraw($first['id'], 7);
refused("prediction {$first['id']} is superseded", fn () => $catalogd->approve($first['id'], 7));

// The ends of the range.
same(['completed', 0, 100], array_values(array_intersect_key(
    $catalogd->wait($catalogd->insert([]), 30), ['status' => 0, 'total' => 0, 'percent' => 0]
)), 'nothing is done at once');
$failed = $catalogd->wait($catalogd->insert(['x', 'y']), 30);
same(['failed', 'None of the 2 entries of product_ids is an id.'], [$failed['status'], $failed['message']], 'and why it failed');
$db->exec("UPDATE categorization_batches SET status = 'cancelled' WHERE id = $failed[id]");
same('cancelled', $catalogd->wait($failed['id'], 0.0)['status'], 'no time to wait is one look');
refused('cannot be written as JSON', fn () => $catalogd->insert(["\xff"]));

// More than a page of them, and other statements on the connection meanwhile.
$many = $catalogd->wait($catalogd->insert([...range(10001, 11001), ...range(1, 560)]), 60);
same([1561, 560, 1001], [$many['total'], $many['success'], $many['errors']], 'a large list');
$seen = [];
foreach ($catalogd->errors($many['id']) as $error) {
    $seen[$error['item']] = count($seen) % 400 === 0 ? $catalogd->progress($many['id'])['errors'] : 0;
}
same([1001, 3 * 1001], [count($seen), array_sum($seen)], 'page by page');
same(range(1, 560), array_column(iterator_to_array($catalogd->predictions($many['id'])), 'product_id'), 'predictions, too');

// The connection must be one that this can work with.
refused('does not throw exceptions', fn () => new Catalogd(new PDO(getenv('SHOP_DSN'), null, null, [PDO::ATTR_ERRMODE => PDO::ERRMODE_SILENT])));
echo "all of it\n";
