/**
 * The one identity of a listener that only this machine can reach: what an agent's own pod has.
 */
import { BlockList, isIP } from 'node:net';
import type { Identity } from '../../kernel/identity.ts';
import { noIdentity } from '../../kernel/failure.ts';

/** Whoever connects is this agent. For loopback listeners only: `assertLoopback` first. */
export const fixedIdentity = (agent: string): Identity => ({ agent, method: 'Fixed' });

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Throws Failure unless `address` is a literal loopback address; a name is refused, since what it resolves to may change. */
export const assertLoopback = (address: string): void => {
  const family = isIP(address);
  if (family === 0 || !loopback.check(address, family === 6 ? 'ipv6' : 'ipv4')) {
    throw noIdentity(
      `A fixed identity needs a loopback address, and "${address}" is none.`,
      'Listen on 127.0.0.1 or ::1, or let agents log in with a password.',
    );
  }
};
