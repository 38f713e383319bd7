/**
 * The hash of a TLS server certificate that SCRAM-SHA-256-PLUS binds to (RFC 5929, section 4.1: tls-server-end-point).
 */
import { createHash, X509Certificate } from 'node:crypto';

/** Signature algorithm OID to the digest that the binding uses: the signature's own, but SHA-256 where that is MD5 or SHA-1. */
const DIGESTS: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.1.4': 'sha256', // RSA with MD5
  '1.2.840.113549.1.1.5': 'sha256', // RSA with SHA-1
  '1.2.840.113549.1.1.11': 'sha256',
  '1.2.840.113549.1.1.12': 'sha384',
  '1.2.840.113549.1.1.13': 'sha512',
  '1.2.840.113549.1.1.14': 'sha224',
  '1.2.840.10045.4.1': 'sha256', // ECDSA with SHA-1
  '1.2.840.10045.4.3.1': 'sha224',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
  '1.2.840.10045.4.3.4': 'sha512',
};

/**
 * The certificate's tls-server-end-point hash, from its DER bytes. Undefined where the signature names no single digest (Ed25519, Ed448)
 * or hides it in its parameters (RSA-PSS): then there is no channel binding, as in PostgreSQL's `be_tls_get_certificate_hash`.
 */
export const certificateHash = (der: Uint8Array): Buffer | undefined => {
  const oid = signatureOid(der);
  const digest = oid === undefined ? undefined : DIGESTS[oid];
  return digest === undefined ? undefined : createHash(digest).update(der).digest();
};

const signatureOid = (der: Uint8Array): string | undefined => {
  try {
    return new X509Certificate(der).signatureAlgorithmOid;
  } catch {
    return undefined;
  }
};
