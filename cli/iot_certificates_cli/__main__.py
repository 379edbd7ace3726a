"""``python -m iot_certificates_cli``, the same as ``iot-certificates``."""

from iot_certificates_cli.application import main

if __name__ == "__main__":
    main()
