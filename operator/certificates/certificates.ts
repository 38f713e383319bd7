/**
 * The certificate that webhook and control plane serve, whoever made it.
 */

/** All PEM. `ca` holds every authority that is to be trusted now, which may be two. */
export type ServedCertificate = { readonly key: string; readonly cert: string; readonly ca: string };

export type Certificates = {
  readonly current: () => ServedCertificate;
  /** Told of each new one after `current` gives it. Returns how to stop. */
  readonly onChange: (listener: (certificate: ServedCertificate) => void) => () => void;
  readonly stop: () => void;
};
