// The properties of the resource types of cdk-iot-certificates. Generated: make reference.
// `new CustomResource(this, 'Pump', { serviceToken, resourceType: DEVICE_CERTIFICATE, properties })`

import type { IResolvable } from 'aws-cdk-lib';

/** A CA certificate that is registered with AWS IoT Core. Ref is the certificate id: 64 hex digits, the SHA-256 of the DER certificate; followed by /adopted where the certificate is adopted. */
export const CA_CERTIFICATE = 'Custom::IotCaCertificate';
export interface CaCertificateProperties {
  /** PEM of one CA certificate. Update: replacement, unless it is the same certificate in other text. */
  readonly CACertificatePem?: string;
  readonly Status?: 'ACTIVE' | 'INACTIVE';
  /** SNI_ONLY registers without proof of possession, and in several accounts if need be. Update: refused for the same certificate: AWS IoT cannot change it. */
  readonly CertificateMode?: 'DEFAULT' | 'SNI_ONLY';
  /** PEM of a certificate that the CA signed, with the registration code as its common name. Update: in place, nothing to do. */
  readonly VerificationCertificatePem?: string;
  /** Where the CA's private key is, which signs such a certificate. Update: in place, nothing to do; another private CA without CACertificatePem: replacement. */
  readonly VerificationKey?: {
    /** The secret that has the CA's private key as PEM (PKCS #8, encrypted or not, PKCS #1, SEC 1, or OpenSSH's form without passphrase). */
    readonly SecretArn?: string;
    /** The field of the JSON object in the secret that has the key. */
    readonly JsonField?: string;
    /** The secret whose text is the passphrase of an encrypted key. */
    readonly PassphraseSecretArn?: string;
    /** The id, the ARN or the alias of a key of AWS KMS for signing (RSA, ECC NIST P-256, P-384 or P-521). */
    readonly KmsKeyId?: string;
    /** The ARN of a CA of AWS Private CA. */
    readonly CertificateAuthorityArn?: string;
  } | IResolvable;
  /** Whether devices register their certificate at their first connection. Update: in place. */
  readonly AutoRegistrationStatus?: 'ENABLE' | 'DISABLE';
  /** The provisioning template of auto-registration. Update: in place; leaving it out clears it. */
  readonly RegistrationConfig?: {
    /** The name of a provisioning template. */
    readonly TemplateName?: string;
    /** A provisioning template as JSON text. */
    readonly TemplateBody?: string;
    /** The role with which AWS IoT provisions. */
    readonly RoleArn?: string;
  } | IResolvable;
  /** What Delete does to the CA's device certificates. Update: in place. */
  readonly DeviceCertificatesOnDelete?: 'RETAIN' | 'DEACTIVATE' | 'DELETE' | 'DELETE_WITH_THINGS';
  /** What to do when another owner has registered the certificate. Update: in place. */
  readonly ExistingCertificate?: 'FAIL' | 'ADOPT';
  /** The tags of the CA certificate. Update: in place. */
  readonly Tags?: readonly ({
    /** Not one that begins with cdk-iot-certificates:, and each once. */
    readonly Key: string;
    /** May be empty. */
    readonly Value: string;
  })[] | IResolvable;
}

/** A device certificate that is registered with AWS IoT Core, or issued by it; attached to policies and things. Ref is the certificate id: 64 hex digits, the SHA-256 of the DER certificate; followed by /adopted where the certificate is adopted. */
export const DEVICE_CERTIFICATE = 'Custom::IotDeviceCertificate';
export interface DeviceCertificateProperties {
  /** PEM of one certificate. Update: replacement, unless it is the same certificate in other text. */
  readonly CertificatePem?: string;
  /** PEM of a PKCS #10 request, for which AWS IoT issues the certificate. Update: replacement, unless it is the same request. */
  readonly CertificateSigningRequest?: string;
  /** PEM of the registered issuer; needed when several registered CAs have its name. Update: in place, nothing to do. */
  readonly CACertificatePem?: string;
  /** SNI_ONLY registers without a CA. Update: refused for the same certificate: AWS IoT cannot change it. */
  readonly CertificateMode?: 'DEFAULT' | 'SNI_ONLY';
  readonly Status?: 'ACTIVE' | 'INACTIVE' | 'REVOKED';
  /** Names of policies of AWS IoT. Update: in place: exactly the difference; what others attached stays, until Delete. */
  readonly PolicyNames?: readonly string[];
  /** Names of things. Update: in place: exactly the difference; what others attached stays, until Delete. */
  readonly ThingNames?: readonly string[];
  /** EXCLUSIVE_THING attaches the certificate to one thing, and to no other. Update: in place: attached again. */
  readonly ThingPrincipalType?: 'NON_EXCLUSIVE_THING' | 'EXCLUSIVE_THING';
  /** What to do when another owner has registered the certificate. Update: in place. */
  readonly ExistingCertificate?: 'FAIL' | 'ADOPT';
}

/** A CA that the function makes, and registers with AWS IoT Core. Ref is the certificate id: 64 hex digits, the SHA-256 of the DER certificate; followed by /keeps/<certificate id> while the previous certificate is kept. */
export const SELF_SIGNED_CA_CERTIFICATE = 'Custom::IotSelfSignedCaCertificate';
export interface SelfSignedCaCertificateProperties {
  /** The name in the certificate. Update: rotation. */
  readonly Subject: {
    /** Two capital letters of ISO 3166. */
    readonly Country?: string;
    readonly State?: string;
    readonly Locality?: string;
    readonly Organization?: string;
    readonly OrganizationalUnit?: string;
    /** The subject of the certificate. */
    readonly CommonName: string;
    /** Letters, digits, spaces and '()+,-./:=?. */
    readonly SerialNumber?: string;
  } | IResolvable;
  /** The kind of the key, which is made in the function. Update: rotation. */
  readonly KeyAlgorithm?: 'EC_P256' | 'EC_P384' | 'RSA_2048' | 'RSA_3072' | 'RSA_4096';
  /** Days for which the certificate is valid. Update: rotation. */
  readonly ValidityDays?: number | string;
  /** A secret in the same account and Region, created empty, that receives the key. Update: rotation. */
  readonly PrivateKeySecretArn: string;
  /** Any text: change it to rotate. Update: rotation. */
  readonly Generation?: string | number;
  /** What a rotation does to the certificate before it: KEEP leaves it registered, in its status and attached, until the next rotation. Update: in place; DELETE removes the one that is kept. */
  readonly PreviousCertificate?: 'DELETE' | 'KEEP';
  readonly Status?: 'ACTIVE' | 'INACTIVE';
  /** SNI_ONLY registers without proof of possession, and in several accounts if need be. Update: refused for the same certificate: AWS IoT cannot change it. */
  readonly CertificateMode?: 'DEFAULT' | 'SNI_ONLY';
  /** Whether devices register their certificate at their first connection. Update: in place. */
  readonly AutoRegistrationStatus?: 'ENABLE' | 'DISABLE';
  /** The provisioning template of auto-registration. Update: in place; leaving it out clears it. */
  readonly RegistrationConfig?: {
    /** The name of a provisioning template. */
    readonly TemplateName?: string;
    /** A provisioning template as JSON text. */
    readonly TemplateBody?: string;
    /** The role with which AWS IoT provisions. */
    readonly RoleArn?: string;
  } | IResolvable;
  /** What Delete does to the CA's device certificates. Update: in place. */
  readonly DeviceCertificatesOnDelete?: 'RETAIN' | 'DEACTIVATE' | 'DELETE' | 'DELETE_WITH_THINGS';
  /** The tags of the CA certificate. Update: in place. */
  readonly Tags?: readonly ({
    /** Not one that begins with cdk-iot-certificates:, and each once. */
    readonly Key: string;
    /** May be empty. */
    readonly Value: string;
  })[] | IResolvable;
}

/** A device certificate that the function issues with a CA of yours, and registers with AWS IoT Core. Ref is the certificate id: 64 hex digits, the SHA-256 of the DER certificate; followed by /keeps/<certificate id> while the previous certificate is kept. */
export const ISSUED_DEVICE_CERTIFICATE = 'Custom::IotIssuedDeviceCertificate';
export interface IssuedDeviceCertificateProperties {
  /** The CA, and where its private key is; in it, an empty text counts as left out. Update: rotation, if it is another CA. */
  readonly Issuer: {
    /** PEM of the CA certificate; left out: read beside the key, from the secret's field certificatePem or from AWS Private CA. */
    readonly CACertificatePem?: string;
    /** 64 hex digits: the id of the certificate that is read beside the key. */
    readonly CACertificateId?: string;
    /** The secret that has the CA's private key as PEM (PKCS #8, encrypted or not, PKCS #1, SEC 1, or OpenSSH's form without passphrase). */
    readonly SecretArn?: string;
    /** The field of the JSON object in the secret that has the key. */
    readonly JsonField?: string;
    /** The secret whose text is the passphrase of an encrypted key. */
    readonly PassphraseSecretArn?: string;
    /** The id, the ARN or the alias of a key of AWS KMS for signing (RSA, ECC NIST P-256, P-384 or P-521). */
    readonly KmsKeyId?: string;
    /** The ARN of a CA of AWS Private CA. */
    readonly CertificateAuthorityArn?: string;
  } | IResolvable;
  /** The name in the certificate. Update: rotation. */
  readonly Subject?: {
    /** Two capital letters of ISO 3166. */
    readonly Country?: string;
    readonly State?: string;
    readonly Locality?: string;
    readonly Organization?: string;
    readonly OrganizationalUnit?: string;
    /** The subject of the certificate. */
    readonly CommonName: string;
    /** Letters, digits, spaces and '()+,-./:=?. */
    readonly SerialNumber?: string;
  } | IResolvable;
  /** Names like DNS:…, URI:…, IP:…, email:…. Update: rotation. */
  readonly SubjectAlternativeNames?: readonly string[];
  /** Days for which the certificate is valid. Update: rotation. */
  readonly ValidityDays?: number | string;
  /** Any text: change it to rotate. Update: rotation. */
  readonly Generation?: string | number;
  /** What a rotation does to the certificate before it: KEEP leaves it registered, in its status and attached, until the next rotation. Update: in place; DELETE removes the one that is kept. */
  readonly PreviousCertificate?: 'DELETE' | 'KEEP';
  /** The kind of the key, which is made in the function. Update: rotation. */
  readonly KeyAlgorithm?: 'EC_P256' | 'EC_P384' | 'RSA_2048' | 'RSA_3072' | 'RSA_4096';
  /** A secret in the same account and Region, created empty, that receives privateKey, certificatePem, caCertificatePem. Update: rotation. */
  readonly CredentialsSecretArn?: string;
  /** PEM of a PKCS #10 request: the key stays with the device. Only the request's subject and alternative names are taken from it. Update: rotation, unless it is the same request. */
  readonly CertificateSigningRequest?: string;
  readonly Status?: 'ACTIVE' | 'INACTIVE' | 'REVOKED';
  /** Names of policies of AWS IoT. Update: in place: exactly the difference; what others attached stays, until Delete. */
  readonly PolicyNames?: readonly string[];
  /** Names of things. Update: in place: exactly the difference; what others attached stays, until Delete. */
  readonly ThingNames?: readonly string[];
  /** EXCLUSIVE_THING attaches the certificate to one thing, and to no other. Update: in place: attached again. */
  readonly ThingPrincipalType?: 'NON_EXCLUSIVE_THING' | 'EXCLUSIVE_THING';
}

/** The registration code of the account and Region. Ref is registration-code. */
export const REGISTRATION_CODE = 'Custom::IotRegistrationCode';
export interface RegistrationCodeProperties {
  /** What Delete does to the code. Update: in place. */
  readonly OnDelete?: 'RETAIN' | 'DELETE';
}

/** A transfer of a device certificate to another account, in a stack of the account that it leaves. Ref is <certificate id>/transfer/<account>, then /was-active where the certificate was ACTIVE before, and the names of the detached policies and things: /policy/<name>, /thing/<name>. */
export const CERTIFICATE_TRANSFER = 'Custom::IotCertificateTransfer';
export interface CertificateTransferProperties {
  /** 64 hex digits in lower case, the last part of the certificate's ARN. Update: replacement. */
  readonly CertificateId: string;
  /** 12 digits; not the stack's own account. Update: transferred again: the pending transfer is cancelled, and another one made; fails once the certificate was accepted. */
  readonly TargetAwsAccount: string;
  /** A text that the target can read. Update: transferred again: the pending transfer is cancelled, and another one made; fails once the certificate was accepted. */
  readonly TransferMessage?: string;
  /** Whether attached policies and things are detached; if not, the Create fails and names them. Update: in place, nothing to do. */
  readonly DetachOnTransfer?: boolean | 'true' | 'false';
}

/** The acceptance or rejection of a certificate that another account transfers, in a stack of the account that it is transferred to. Ref is the certificate id; <certificate id>/rejected for REJECT; <certificate id>/adopted when another owner had accepted the certificate before. */
export const CERTIFICATE_TRANSFER_DECISION = 'Custom::IotCertificateTransferDecision';
export interface CertificateTransferDecisionProperties {
  /** 64 hex digits in lower case, the last part of the certificate's ARN. Update: replacement. */
  readonly CertificateId: string;
  /** What to do with the certificate. Update: refused: neither can be undone. */
  readonly Decision: 'ACCEPT' | 'REJECT';
  /** A text that the source can read. Update: in place, nothing to do. */
  readonly RejectReason?: string;
  /** Of the accepted certificate. Update: in place. */
  readonly Status?: 'ACTIVE' | 'INACTIVE';
  /** What Delete does to the accepted certificate. Update: in place. */
  readonly OnDelete?: 'RETAIN' | 'DELETE';
}

/** The generation of a stack's certificates: a value that never goes back. Ref is generation/<value>. */
export const CERTIFICATE_GENERATION = 'Custom::IotCertificateGeneration';
export interface CertificateGenerationProperties {
  /** The generation that is requested, a number or a date for example; a smaller value changes nothing. Update: in place. */
  readonly Requested: string | number;
}

/** The device certificates of a manifest, hundreds of thousands of them, registered as one resource. Ref is fleet/<name>, which stays the same. */
export const DEVICE_CERTIFICATE_FLEET = 'Custom::IotDeviceCertificateFleet';
export interface DeviceCertificateFleetProperties {
  /** Name of the bucket that has the manifest. Update: in place: the difference of the manifests, shard by shard. */
  readonly ManifestBucket: string;
  /** Prefix of the manifest in the bucket, which ends with the SHA-256 of its manifest.json. Update: in place: the difference of the manifests, shard by shard. */
  readonly ManifestPrefix: string;
  /** Certificates a second that are registered, changed or removed; AWS IoT's default quota is 10. Update: in place. */
  readonly MaxRegistrationsPerSecond?: number | string;
  /** Of certificates: how many of a hundred may fail without failing the request. Update: in place. */
  readonly ToleratedFailurePercentage?: number | string;
  /** Whether a Create or an Update waits for the last certificate, an hour at most; a Delete always does. Update: in place. */
  readonly WaitForCompletion?: boolean | 'true' | 'false';
}
