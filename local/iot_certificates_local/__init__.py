"""An AWS of your own: MiniStack over TLS, the real CDK CLI, real MQTT."""
