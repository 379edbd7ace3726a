"""A device whose certificate is renewed: it looks for new credentials with those that it has, and changes over.

Its settings are in the environment: IOT_ENDPOINT and CREDENTIALS_ENDPOINT (``aws iot describe-endpoint``, of the types
``iot:Data-ATS`` and ``iot:CredentialProvider``), ROLE_ALIAS, whose role can read the secret, THING_NAME, SECRET_ARN,
AWS_REGION, ROOT_CA, a PEM file, and DEVICE_PEM, the file with the device's key and certificate.
"""

import http.client
import json
import logging
import os
import ssl
import time
from pathlib import Path
from typing import Any

import boto3
from awscrt import mqtt
from awscrt.exceptions import AwsCrtError
from awsiot import mqtt_connection_builder
from botocore.exceptions import BotoCoreError, ClientError

BEGIN_CERTIFICATE = "-----BEGIN CERTIFICATE"


def connect(pem: str) -> mqtt.Connection:
    key, begin, certificate = pem.partition(BEGIN_CERTIFICATE)
    client = mqtt_connection_builder.mtls_from_bytes(
        (begin + certificate).encode(),
        key.encode(),
        endpoint=os.environ["IOT_ENDPOINT"],
        port=int(os.environ.get("IOT_PORT", "8883")),
        ca_filepath=os.environ["ROOT_CA"],
        client_id=os.environ["THING_NAME"],
    )
    client.connect().result(30)
    return client


def read_secret(file: Path) -> str:
    """Read the secret with temporary credentials, which AWS IoT gives for the certificate in the file."""
    tls = ssl.create_default_context(cafile=os.environ["ROOT_CA"])
    tls.load_cert_chain(file)
    provider = http.client.HTTPSConnection(os.environ["CREDENTIALS_ENDPOINT"], context=tls, timeout=30)
    thing = {"x-amzn-iot-thingname": os.environ["THING_NAME"]}
    provider.request("GET", f"/role-aliases/{os.environ['ROLE_ALIAS']}/credentials", headers=thing)
    answer = provider.getresponse()
    if answer.status != http.client.OK:
        raise PermissionError(f"The credentials provider answered {answer.status}")
    given: dict[str, Any] = json.load(answer)["credentials"]
    session = boto3.Session(given["accessKeyId"], given["secretAccessKey"], given["sessionToken"])
    fields = json.loads(
        session.client("secretsmanager").get_secret_value(SecretId=os.environ["SECRET_ARN"])["SecretString"]
    )
    return f"{fields['privateKey'].strip()}\n{fields['certificatePem'].strip()}\n"


def write(file: Path, pem: str) -> None:
    """Write all of it, or nothing, whatever happens to the power: a new file takes the place of the old one."""
    beside = file.with_suffix(".writing")
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as new:
        new.write(pem)
        new.flush()
        os.fsync(new.fileno())
    beside.replace(file)


def change_over(client: mqtt.Connection, file: Path) -> mqtt.Connection:
    """Look for new credentials; return the connection that the device has from now on."""
    pem = read_secret(file)
    if pem == file.read_text():
        return client
    write(file.with_suffix(".next"), pem)
    client.disconnect().result(30)  # the client id is the same: AWS IoT would close one of the two
    try:
        renewed = connect(pem)
    except AwsCrtError:
        return connect(file.read_text())  # the old certificate is good still; the next look tries again
    file.with_suffix(".next").replace(file)
    return renewed


if __name__ == "__main__":
    device_pem = Path(os.environ["DEVICE_PEM"])
    connection = connect(device_pem.read_text())
    while True:
        connection.publish(f"devices/{os.environ['THING_NAME']}/status", "up", mqtt.QoS.AT_LEAST_ONCE)
        try:
            connection = change_over(connection, device_pem)
        except (OSError, http.client.HTTPException, BotoCoreError, ClientError) as error:
            logging.getLogger("device").warning("No new credentials for now: %s", error)
        time.sleep(3600)
