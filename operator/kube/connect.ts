/** The way to the API server. */
import { createKubeClient, type KubeClient } from './client.ts';
import { type CredentialSource, loadCredentials } from './credentials.ts';
import { createTransport } from './transport.ts';

/** A client with the credentials that are found; nothing is asked yet. @throws Error that says what is missing */
export const connectKube = async (source: CredentialSource): Promise<KubeClient> =>
  createKubeClient(createTransport(await loadCredentials(source)));
