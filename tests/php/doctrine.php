<?php // What a Symfony application does before: a connection and an entity manager, from the environment.

require_once 'Doctrine/ORM/autoload.php';

$configuration = new Doctrine\ORM\Configuration();
$configuration->setMetadataDriverImpl(new Doctrine\ORM\Mapping\Driver\AttributeDriver([]));
$configuration->setProxyDir(sys_get_temp_dir());
$configuration->setProxyNamespace('Proxies');
$configuration->setAutoGenerateProxyClasses(Doctrine\ORM\Proxy\ProxyFactory::AUTOGENERATE_EVAL);
$connection = Doctrine\DBAL\DriverManager::getConnection(
    ['driver' => 'pdo_pgsql', 'host' => getenv('DB_HOST'), 'port' => (int) getenv('DB_PORT'), 'dbname' => getenv('DB_NAME'), 'user' => getenv('DB_USER')],
    $configuration,
);
$em = new Doctrine\ORM\EntityManager($connection, $configuration);
