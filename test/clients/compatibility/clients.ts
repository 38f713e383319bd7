/**
 * Every client that is tested, as the table lists them.
 */
import { GO_CLIENTS } from '../go/clients.ts';
import { JAVA_CLIENTS } from '../java/clients.ts';
import { NODE_CLIENTS } from '../node/clients.ts';
import { ODBC_CLIENTS } from '../odbc/clients.ts';
import { PERL_CLIENTS } from '../perl/clients.ts';
import { PHP_CLIENTS } from '../php/clients.ts';
import { PYTHON_CLIENTS } from '../python/clients.ts';
import { RUST_CLIENTS } from '../rust/clients.ts';
import type { Client } from './client.ts';

export const CLIENTS: readonly Client[] = [
  ...NODE_CLIENTS,
  ...PYTHON_CLIENTS,
  ...GO_CLIENTS,
  ...JAVA_CLIENTS,
  ...RUST_CLIENTS,
  ...PERL_CLIENTS,
  ...PHP_CLIENTS,
  ...ODBC_CLIENTS,
];
