<?php // What a Laravel application does before: facades, Eloquent and a router, with the database from the environment.

use Illuminate\Support\Facades\Facade;

require_once 'Illuminate/Database/autoload.php';
require_once 'Illuminate/Events/autoload.php';
require_once 'Illuminate/Routing/autoload.php';

$capsule = new Illuminate\Database\Capsule\Manager();
$capsule->addConnection([
    'driver' => 'pgsql',
    'host' => getenv('DB_HOST'),
    'port' => getenv('DB_PORT'),
    'database' => getenv('DB_NAME'),
    'username' => getenv('DB_USER'),
    'password' => '',
]);
$capsule->setAsGlobal();
$capsule->bootEloquent();
$application = $capsule->getContainer();
$router = new Illuminate\Routing\Router(new Illuminate\Events\Dispatcher($application), $application);
$application->instance(Illuminate\Contracts\Routing\Registrar::class, $router);
$application->instance('router', $router);
$application->instance('db', $capsule->getDatabaseManager());
$application->instance('db.schema', $capsule->schema());
Facade::setFacadeApplication($application);

/** What the application answers to user 7. */
function ask(string $method, string $path, array $input = []): array
{
    $request = Illuminate\Http\Request::create($path, $method, $input);
    $request->setUserResolver(fn (): object => (object) ['id' => 7]);
    $application = Facade::getFacadeApplication();
    $application->instance(Illuminate\Http\Request::class, $request);
    foreach ($application->make('router')->getRoutes() as $route) {
        $route->middleware(Illuminate\Routing\Middleware\SubstituteBindings::class);
    }

    return json_decode($application->make('router')->dispatch($request)->getContent(), true);
}
