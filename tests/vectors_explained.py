"""Where the provider and OpenSSL differ over a test vector, and why each time. Exact: tests fail for a stale line too.

Names as in ``vectors``. OpenSSL reads a certificate's extensions only when it is asked about them, and a label never;
cryptography reads everything, and the provider reads a second time what cryptography refuses.
"""

from __future__ import annotations

_NO_SCT = "RFC 6962, 3.2: a signed certificate timestamp that cannot be decoded"
_NO_NETMASK = "RFC 5280, 4.2.1.10: a name constraint whose netmask is none"
_UNKNOWN_KEY = "a key of an algorithm that AWS IoT does not know either"
_NO_DSA_PARAMETERS = "the DSA parameters are the issuer's: nothing can be verified with such a key alone"
_OTHER_NAMES = "cryptography does not read these names; AWS IoT has no use for them either"
_PSS = "RFC 4055, 3.1: RSASSA-PSS parameters that are missing, or of no known algorithm"

READ_BY_OPENSSL_ALONE = {
    "x509/badasn1time.pem": "RFC 5280, 4.1.2.5.1: notAfter is no time",
    "x509/cryptography.io.with_garbage.pem": "a private key stands before it, which must not be in a template",
    "x509/cryptography.io.with_headers.pem": "a private key stands before it, which must not be in a template",
}
"""Certificates that OpenSSL reads and the provider refuses as unreadable."""

TOLERATED = {
    "x509/custom/cp_invalid.pem": "RFC 5280, 4.2.1.4: a policy qualifier of another structure than its OID says",
    "x509/custom/dsa_null_alg_params.pem": "RFC 3279, 2.2.2: a DSA signature has no parameters, not even NULL",
    "x509/custom/ecdsa_null_alg.pem": "RFC 5758, 3.2: an ECDSA signature has no parameters, not even NULL",
    "x509/custom/empty-eku.pem": "RFC 5280, 4.2.1.12: an extended key usage has at least one purpose",
    "x509/custom/inhibit_any_policy_negative.pem": "RFC 5280, 4.2.1.14: SkipCerts is not negative",
    "x509/custom/invalid_version.pem": "RFC 5280, 4.1.2.1: there is no version 8",
    "x509/custom/malformed-ian.pem": "RFC 5280, 4.2.1.7: an alternative name of another structure",
    "x509/custom/malformed-san.pem": "RFC 5280, 4.2.1.6: an alternative name of another structure",
    "x509/custom/nc_invalid_ip_netmask.pem": _NO_NETMASK,
    "x509/custom/nc_ip_invalid_length.pem": "RFC 5280, 4.2.1.10: an address of 33 bytes",
    "x509/custom/two_basic_constraints.pem": "RFC 5280, 4.2: an extension that is declared twice",
    "x509/custom/unsupported_subject_public_key_info.pem": _UNKNOWN_KEY,
    "x509/ed25519/ed25519-rfc8410.pem": "X.690, 11.5: critical FALSE is written out, though it is the default",
    "x509/wosign-bc-invalid.pem": "RFC 5280, 4.2.1.9: a path length, though it is no CA",
    "x509/PKITS_data/certs/DSAParametersInheritedCACert.crt as CERTIFICATE": _NO_DSA_PARAMETERS,
    "x509/PKITS_data/certs/ValidDSAParameterInheritanceTest5EE.crt as CERTIFICATE": _NO_DSA_PARAMETERS,
    "x509/badssl-sct-anonymous-sig.der as CERTIFICATE": _NO_SCT,
    "x509/badssl-sct-none-hash.der as CERTIFICATE": _NO_SCT,
    "x509/custom/cp_invalid2.der as CERTIFICATE": "as cp_invalid.pem",
    "x509/custom/invalid-sct-length.der as CERTIFICATE": _NO_SCT,
    "x509/custom/invalid-sct-version.der as CERTIFICATE": _NO_SCT,
    "x509/custom/nc_invalid_ip4_netmask.der as CERTIFICATE": _NO_NETMASK,
    "x509/custom/rsa_pss_cert_invalid_mgf.der as CERTIFICATE": _PSS,
    "x509/custom/rsa_pss_cert_no_sig_params.der as CERTIFICATE": _PSS,
    "x509/e-trust.ru.der as CERTIFICATE": _UNKNOWN_KEY,
    "x509/san_edipartyname.der as CERTIFICATE": _OTHER_NAMES,
    "x509/san_x400address.der as CERTIFICATE": _OTHER_NAMES,
}
"""Certificates that cryptography refuses; the provider reads them a second time, and has findings about them."""

_SHA_1 = "RFC 4055, 3.1: without parameters the hash is SHA-1; OpenSSL prints the algorithm inside, which has some"

FIT_FOR_OPENSSL_ALONE = {
    "x509/custom/rsa_pss_cert_no_sig_params.der as CERTIFICATE": _SHA_1,
}
"""Certificates that both read, and whose key and signature only OpenSSL prints as acceptable."""

FIT_FOR_US_ALONE = {
    "x509/custom/ec_no_named_curve.pem": "P-256, spelled out instead of named: AWS IoT's guide does not exclude that",
    "x509/custom/mismatch_inner_outer_sig_algorithm.der as CERTIFICATE": (
        "OpenSSL prints the algorithm inside (SHA3-224), the provider looks at that of the signature (SHA-256)"
    ),
}
"""Certificates that both read, and whose key and signature only the provider takes for acceptable."""

_OWN_CURVE = "EC on a curve of its own, or on one that AWS IoT does not know"
_NO_VERSION = "RFC 5208, 5; RFC 8017, A.1.2; RFC 5915, 3: a version that the standard does not have"

KEYS_FOR_OPENSSL_ALONE = {
    "asymmetric/EC/explicit_parameters_wap_wsg_idm_ecid_wtls11_private_key.pem": _OWN_CURVE,
    "asymmetric/EC/secp128r1_private_key.pem": _OWN_CURVE,
    "asymmetric/EC/secp256k1-explicit-no-seed.pem": _OWN_CURVE,
    "asymmetric/PEM_Serialization/rsa-bad-1025-q-is-2.pem": "one of its primes is 2",
    "asymmetric/PKCS8/ec-inconsistent-curve2.pem": "the curve inside is another than that outside",
    "asymmetric/PKCS8/ec-invalid-version.pem": _NO_VERSION,
    "asymmetric/PKCS8/ec_oid_not_in_reg_private_2.pkcs8.pem": _OWN_CURVE,
    "asymmetric/PKCS8/nodompar_private.pkcs8.pem": _OWN_CURVE,
    "asymmetric/PKCS8/private.pem": _OWN_CURVE,
    "asymmetric/PKCS8/wrong-pem-delimiter-rsa.pem": "RFC 7468, 3: the label says another structure than it has",
    "asymmetric/Traditional_OpenSSL_Serialization/rsa-wrong-version.pem": _NO_VERSION,
    "asymmetric/EC/ec_private_key_non_zero_unused_bits.der as key": "X.690, 11.2.1: unused bits that are not zero",
    "asymmetric/EC/truncated-private-key.der as key": "RFC 5915, 3: the private key is shorter than the curve's order",
    "asymmetric/PKCS8/invalid-version.der as key": _NO_VERSION,
}
"""RSA and EC keys that OpenSSL reads and the provider refuses as unreadable."""

_OPENSSH = "OpenSSH's own form, which ssh-keygen writes and OpenSSL does not read"

KEYS_FOR_US_ALONE = {
    "asymmetric/OpenSSH/ecdsa-nopsw.key": _OPENSSH,
    "asymmetric/OpenSSH/rsa-nopsw.key": _OPENSSH,
    "asymmetric/PKCS8/enc-ec-sha1-128-rc4.pem": "encrypted with RC4, which OpenSSL 3 leaves to its provider 'legacy'",
}
"""Keys that only the provider reads."""

_SPELLED_OUT = "a curve that AWS IoT knows, spelled out instead of named: OpenSSL prints no name for it"

KEYS_FIT_FOR_US_ALONE = {
    "asymmetric/EC/secp256r1-explicit-no-seed.pem": _SPELLED_OUT,
    "asymmetric/EC/secp256r1-explicit-seed.pem": _SPELLED_OUT,
    "asymmetric/EC/secp384r1-explicit-no-seed.pem": _SPELLED_OUT,
    "asymmetric/EC/secp384r1-explicit-seed.pem": _SPELLED_OUT,
    "asymmetric/EC/secp521r1-explicit-no-seed.pem": _SPELLED_OUT,
    "asymmetric/EC/secp521r1-explicit-seed.pem": _SPELLED_OUT,
    "asymmetric/PKCS8/enc-ec-sha1-128-rc4.pem with password": "as above: RC4",
    "asymmetric/OpenSSH/ecdsa-nopsw.key": _OPENSSH,
    "asymmetric/OpenSSH/rsa-nopsw.key": _OPENSSH,
}
"""Keys that are those of a CA which AWS IoT accepts, as only the provider sees it."""

NOT_ISSUED_FOR_US = {
    "x509/PKITS_data/certs/BadSignedCACert.crt as CERTIFICATE": "PKITS, 4.1.2: the signature was changed",
    "x509/PKITS_data/certs/InvalidEESignatureTest3EE.crt as CERTIFICATE": "PKITS, 4.1.3: the signature was changed",
    "x509/custom/rsa_pss_cert_invalid_mgf.der as CERTIFICATE": "nobody here can verify its signature",
    "x509/custom/rsa_pss_cert_unsupported_mgf_hash.der as CERTIFICATE": "nobody here can verify its signature",
}
"""Certificates with the name and the key identifier of a CA that, as the provider sees it, did not issue them."""
