"""How to reach the brokers, in librdkafka's terms: shared by every confluent-kafka client."""

from postpulse.settings import KafkaSettings

#: The largest request; above max.message.bytes of every topic (postpulse.topics).
MAX_REQUEST_BYTES = 20 * 1024 * 1024


def client_config(settings: KafkaSettings, client_id: str) -> dict[str, str | int | float | bool]:
    """The configuration that producers, consumers and admin clients have in common."""
    config: dict[str, str | int | float | bool] = {
        "bootstrap.servers": settings.bootstrap_servers,
        "client.id": client_id,
        "security.protocol": settings.security_protocol,
        "socket.keepalive.enable": True,
        # A request is sent when it is made, not when the one before it has been acknowledged by TCP.
        "socket.nagle.disable": True,
        # librdkafka logs to stderr by itself; what matters reaches us through error callbacks and results.
        "log_level": 2,
        "reconnect.backoff.ms": 50,
        "reconnect.backoff.max.ms": 1000,
    }
    if settings.ssl_ca_location:
        config["ssl.ca.location"] = str(settings.ssl_ca_location)
    if settings.security_protocol.startswith("SASL") and settings.sasl_password is not None:
        config["sasl.mechanism"] = settings.sasl_mechanism or ""
        config["sasl.username"] = settings.sasl_username or ""
        config["sasl.password"] = settings.sasl_password.get_secret_value()
    return config
