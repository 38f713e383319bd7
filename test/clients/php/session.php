<?php
// pdo_pgsql, with statements prepared by the server and emulated ones: `session.php HOST PORT USER PASSWORD DATABASE`.
[, $host, $port, $user, $password, $database] = $argv;
$db = null;

function say(array $line): void { echo json_encode($line, JSON_UNESCAPED_UNICODE | JSON_THROW_ON_ERROR), "\n"; }

function step(string $name, callable $run): void
{
    try {
        say(['step' => $name] + $run());
    } catch (Throwable $error) {
        say(['step' => $name, 'error' => "$error"]);
    }
}

function plain(mixed $value): mixed
{
    if (is_resource($value)) return 'bytes:' . bin2hex(stream_get_contents($value));
    if (is_array($value)) return array_map('plain', $value);
    return is_float($value) ? "float:$value" : $value;
}

/** @return list<list<mixed>> */
function rows(string $sql, array $values = [], array $options = []): array
{
    global $db;
    $statement = $db->prepare($sql, $options);
    $statement->execute($values);
    return $statement->fetchAll(PDO::FETCH_NUM);
}

function value(string $sql): mixed { return rows($sql)[0][0]; }

function sqlstate(string $sql): string
{
    global $db;
    try {
        $db->exec($sql);
        return 'none';
    } catch (PDOException $error) {
        return $error->errorInfo[0];
    }
}

function asked(array $options): array
{
    return plain([
        rows('SELECT id, name, joined, ssn FROM customers WHERE id = :id OR email = :email ORDER BY id', ['id' => 3, 'email' => '5@example.com'], $options),
        rows("SELECT id FROM orders WHERE customer_id = ANY(?) AND placed < ? ORDER BY id", ['{1,5,9}', '2026-01-20'], $options),
        rows('SELECT ?::int + ?::bigint AS sum, ?::float8 AS f, ?::bytea AS bytes, ?::text AS t', [1, '9007199254740993', 1.5, '\x00ff', null], $options),
        rows("SELECT name FROM customers WHERE name = ? OR name LIKE 'x?' ", ["it's 'customer 3'"], $options),
    ]);
}

function connect(): PDO
{
    global $host, $port, $user, $password, $database;
    return new PDO("pgsql:host=$host;port=$port;dbname=$database", $user, $password, [PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION]);
}

say(['client' => 'pdo-pgsql', 'version' => phpversion('pdo_pgsql')]);
step('connect', function () use (&$db) {
    $db = connect();
    return ['result' => [value('SHOW server_encoding'), value('SHOW TimeZone'), value('SELECT current_database()'), $db->getAttribute(PDO::ATTR_CONNECTION_STATUS) !== null]];
});
step('introspect', function () use (&$db) {
    $statement = $db->query('SELECT id, name, mood, ssn, salary, joined, 1 + 1 AS two FROM customers WHERE id = 1');
    $described = [];
    for ($index = 0; $index < $statement->columnCount(); $index++) {
        $meta = $statement->getColumnMeta($index);
        $described[] = [$meta['name'], $meta['native_type'] ?? null, $meta['pgsql:oid'] < 10000 ? $meta['pgsql:oid'] : 'own', $meta['len'], $meta['table'] ?? null];
    }
    return ['result' => [$described, rows("SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' ORDER BY 1, ordinal_position")]];
});
step('text', fn () => ['result' => [asked([]), asked([PDO::ATTR_EMULATE_PREPARES => true]), asked([PDO::PGSQL_ATTR_DISABLE_PREPARES => true])]]);
step('binary', fn () => ['none' => 'reads values as text']);
step('batch', function () use (&$db) {
    $db->exec("SELECT 1; SELECT count(*) FROM customers; SHOW DateStyle");
    $db->beginTransaction();
    $insert = $db->prepare("INSERT INTO order_tags (order_id, tag) VALUES (?, 'batch')");
    foreach (range(6, 10) as $id) $insert->execute([$id]);
    $db->commit();
    return ['result' => $db->exec("DELETE FROM order_tags WHERE tag = 'batch'")];
});
step('stream', function () use (&$db) {
    $db->beginTransaction();
    $cursor = $db->prepare('SELECT id, value FROM readings ORDER BY id', [PDO::ATTR_CURSOR => PDO::CURSOR_SCROLL]);
    $cursor->execute();
    $portions = [$cursor->fetch(PDO::FETCH_NUM), $cursor->fetch(PDO::FETCH_NUM), $cursor->fetch(PDO::FETCH_NUM, PDO::FETCH_ORI_ABS, 100), $cursor->fetch(PDO::FETCH_NUM, PDO::FETCH_ORI_PRIOR)];
    $cursor = null;
    $db->commit();
    $into = $db->pgsqlCopyFromArray('order_tags', ["6\tcopied", "7\tcopied"]);
    $out = $db->pgsqlCopyToArray('order_tags');
    return ['result' => [plain($portions), $into, $out, $db->exec("DELETE FROM order_tags WHERE tag = 'copied'")]];
});
step('cancel', function () {
    // It has no request to cancel: its time runs out.
    $before = sqlstate("SET statement_timeout = '200ms'");
    $sqlstate = sqlstate('SELECT pg_sleep(60)');
    sqlstate('RESET statement_timeout');
    return ['result' => ['sqlstate' => $sqlstate, 'after' => value('SELECT 1')]];
});
step('transact', function () use (&$db) {
    $insert = "INSERT INTO orders (customer_id, amount, region) VALUES (1, 12345, 'eu')";
    $count = fn () => value('SELECT count(*)::int FROM orders WHERE amount = 12345');
    $remove = fn () => $db->exec('DELETE FROM orders WHERE amount = 12345');
    $db->beginTransaction(); $db->exec($insert); $db->commit();
    $told = ['committed' => $count()];
    $remove();
    $db->beginTransaction(); $db->exec($insert); $db->rollBack();
    $told['rolledBack'] = $count();
    $db->beginTransaction();
    sqlstate('SELECT 1/0');
    $told['aborted'] = sqlstate('SELECT 1');
    $db->rollBack();
    $db->beginTransaction();
    $db->exec('SAVEPOINT a');
    sqlstate('INSERT INTO orders (customer_id, amount) VALUES (1, -1)');
    $db->exec('ROLLBACK TO a');
    $db->exec($insert);
    $db->commit();
    $told['savepoint'] = $count();
    $remove();
    return ['result' => $told];
});
step('types', function () use (&$db) {
    $names = rows("SELECT column_name FROM information_schema.columns WHERE table_name = 'samples' AND ordinal_position > 1 ORDER BY ordinal_position");
    $texts = implode(', ', array_map(fn ($row) => "\"$row[0]\"::text", $names));
    $read = plain(rows('SELECT * FROM samples ORDER BY id'));
    $insert = $db->prepare('INSERT INTO samples VALUES (' . implode(', ', array_fill(0, count($names) + 1, '?')) . ')');
    foreach (rows("SELECT id + 10, $texts FROM samples ORDER BY id") as $row) $insert->execute($row);
    $written = plain(rows('SELECT * FROM samples WHERE id > 10 ORDER BY id'));
    $db->exec('DELETE FROM samples WHERE id > 10');
    return ['result' => [$read, $written]];
});
step('prepared', function () use (&$db) {
    $statement = $db->prepare('SELECT name, ssn FROM customers WHERE id = ?');
    $found = [];
    foreach ([1, 2, 3, 1] as $id) {
        $statement->execute([$id]);
        $found[] = $statement->fetchAll(PDO::FETCH_NUM);
    }
    return ['result' => $found];
});
step('write', function () use (&$db) {
    $created = rows("INSERT INTO customers (name, email, ssn) VALUES (?, ?, '***5') RETURNING id, name, mood, joined", ['php', 'php@x'])[0];
    $last = $db->lastInsertId('customers_id_seq');
    $upsert = "INSERT INTO customers (name, email) VALUES ('php', 'php@x') ON CONFLICT (email) DO UPDATE SET version = customers.version + 1 RETURNING version, ssn";
    $upserted = [rows($upsert), rows($upsert)];
    $update = $db->prepare('UPDATE customers SET city = ? WHERE id = ?');
    $update->execute(['Ulm', $created[0]]);
    $duplicate = sqlstate("INSERT INTO customers (name, email) VALUES ('x', 'php@x')");
    return ['result' => [$created, $last, $upserted, $update->rowCount(), $duplicate, rows('DELETE FROM customers WHERE id = ? RETURNING id, city', [$created[0]])]];
});
step('refused', function () {
    $told = ['sqlstate' => 'none'];
    try {
        rows('SELECT token FROM secrets');
    } catch (PDOException $error) {
        [$sqlstate, , $text] = $error->errorInfo;
        preg_match('/^ERROR:\s+(.*)$/m', $text, $message);
        preg_match('/^HINT:\s+(.*)$/m', $text, $hint);
        $told = ['sqlstate' => $sqlstate, 'message' => $message[1], 'hint' => $hint[1] ?? null];
    }
    return ['result' => $told + ['after' => value('SELECT 1')]];
});
step('masked', fn () => ['result' => ['text' => rows('SELECT id, ssn, salary FROM customers WHERE id = ?', [7])[0], 'binary' => null]]);
