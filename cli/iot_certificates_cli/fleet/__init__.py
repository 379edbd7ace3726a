"""``iot-certificates fleet``: manifests of many device certificates, what they cost, and how far a fleet is."""
