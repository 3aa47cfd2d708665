<?php // What a Laravel application does before: the facades DB and Schema, and Eloquent, from the environment.

require_once 'Illuminate/Database/autoload.php';

$capsule = new Illuminate\Database\Capsule\Manager();
$capsule->addConnection([
    'driver' => 'pgsql', 'host' => getenv('DB_HOST'), 'port' => getenv('DB_PORT'), 'database' => getenv('DB_NAME'), 'username' => getenv('DB_USER'), 'password' => '',
]);
$capsule->setAsGlobal();
$capsule->bootEloquent();
$application = $capsule->getContainer();
$application->instance('db', $capsule->getDatabaseManager());
$application->instance('db.schema', $capsule->schema());
Illuminate\Support\Facades\Facade::setFacadeApplication($application);
