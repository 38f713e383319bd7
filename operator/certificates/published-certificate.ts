/**
 * Holds the certificate that is served, and tells of a new one.
 */
import type { Logger } from 'pino';
import type { ServedCertificate } from './certificates.ts';

export type PublishedCertificate = {
  readonly current: () => ServedCertificate;
  readonly onChange: (listener: (certificate: ServedCertificate) => void) => () => void;
  /** Does nothing if it is the same as before. */
  readonly publish: (certificate: ServedCertificate) => void;
};

/** Begins with `first`. */
export const publishedCertificate = (first: ServedCertificate, log: Logger): PublishedCertificate => {
  let served = first;
  const listeners = new Set<(certificate: ServedCertificate) => void>();
  return {
    current: () => served,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    publish: (certificate) => {
      if (certificate.cert === served.cert && certificate.key === served.key && certificate.ca === served.ca) return;
      served = certificate;
      for (const listener of listeners) {
        try {
          listener(certificate);
        } catch (error) {
          log.error({ err: error }, 'a server could not take the new certificate');
        }
      }
    },
  };
};
