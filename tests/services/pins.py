"""The versions of everything that the local services fetch; the only place where they are written."""

KAFKA_VERSION = "4.3.0"
SCALA_VERSION = "2.13"
# Kafka logs through SLF4J 1.7; this is the bridge to the Log4j that comes with it.
LOG4J_VERSION = "2.25.4"
MAVEN_DEPENDENCY_PLUGIN_VERSION = "3.8.1"
MINIO_MODULE = "github.com/minio/minio"
MINIO_VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
# Its newest versions ask for newer tools of Go; rules and dashboards work from Debian 12's 2.42 on.
PROMETHEUS_MODULE = "github.com/prometheus/prometheus"
PROMETHEUS_VERSION = "v0.311.3"
TOXIPROXY_MODULE = "github.com/Shopify/toxiproxy/v2/cmd/server"
TOXIPROXY_VERSION = "v2.5.0"
ASYNCAPI_PARSER_VERSION = "3.6.3"
ASYNCAPI_AVRO_VERSION = "3.0.24"
# Headless and with all libraries that it needs; made for machines without any.
CHROMIUM_PACKAGE = "@sparticuz/chromium"
CHROMIUM_PACKAGE_VERSION = "153.0.0"
AXE_CORE_VERSION = "4.14.1"
# What `docker compose config` reads files with, and the linter of workflows.
COMPOSE_MODULE = "github.com/compose-spec/compose-go/v2/cmd"
COMPOSE_VERSION = "v2.16.2"
ACTIONLINT_MODULE = "github.com/rhysd/actionlint/cmd/actionlint"
ACTIONLINT_VERSION = "v1.7.12"
