/**
 * Every client that is tested, as the table lists them.
 */
import { NODE_CLIENTS } from '../node/clients.ts';
import type { Client } from './client.ts';

export const CLIENTS: readonly Client[] = [...NODE_CLIENTS];
