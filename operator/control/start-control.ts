/**
 * The control plane of sidecars, on every replica. Things start here: `startControl`.
 */
import type { ServerResponse } from 'node:http';
import type { Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { Clock } from '../../kernel/clock.ts';
import { type PodIdentity, PING_SECONDS } from '../../kernel/control.ts';
import type { Certificates, ServedCertificate } from '../certificates/certificates.ts';
import type { Address, OperatorConfig } from '../config.ts';
import type { Kube } from '../kube/kube.ts';
import { maskKeys } from '../specs/bundle.ts';
import { type Replica, tallyConfigMap, tallyName } from '../specs/tally.ts';
import type { World } from '../world.ts';
import { admit, PodAddresses, reasonAgainst } from './agent-pods.ts';
import { authenticator } from './authenticate.ts';
import { BundleMaker } from './bundle-maker.ts';
import { controlServer, type Refusal } from './control-server.ts';
import { FanOut } from './fan-out.ts';
import { MaskSecrets } from './mask-secrets.ts';
import { PoliciesByNamespace } from './policies-by-namespace.ts';
import { SidecarStream } from './sidecar-stream.ts';
import { Streams } from './streams.ts';
import { TallyBook } from './tally-book.ts';

/** For metrics. */
export type ControlObserver = {
  /** Streams that are open now. */
  readonly streams: (open: number) => void;
  /** A bundle was sent so many seconds after the change that it is for. */
  readonly sent: (seconds: number) => void;
  readonly refused: (refusal: Refusal) => void;
};

export type StartControlOptions = {
  readonly kube: Kube;
  readonly world: World;
  readonly certificates: Pick<Certificates, 'current' | 'onChange'>;
  readonly listen: Address;
  /** Seconds that sidecars may serve their last bundle without us. */
  readonly staleAfter: number;
  readonly connections: OperatorConfig['connections'];
  readonly replica: Replica;
  readonly clock: Clock;
  readonly log: Logger;
  readonly observer?: ControlObserver;
  /** Whether what is known of the cluster is being followed at present. */
  readonly following?: () => boolean;
  /** Milliseconds for which we vouch for what we know without following it. */
  readonly blindMs?: number;
  /** Milliseconds between two looks at the Secrets with keys of masks, and between two writings of the tally. */
  readonly secretsMs?: number;
  readonly tallyMs?: number;
};

export type Control = {
  /** Where it listens; the port that was chosen where 0 was asked for. */
  readonly address: Address;
  readonly streams: () => number;
  /** Ends the streams in order: sidecars turn to another replica. */
  readonly stop: () => Promise<void>;
};

const TALLY = 5_000;

const BLIND = 30_000;

/** Milliseconds before the end of a token in which its stream ends: by then the kubelet has renewed it. */
const BEFORE_EXPIRY = { least: 20_000, most: 80_000 };

const LONGEST_TIMER = 2 ** 31 - 1;

/** When to end a stream: not all that began together at once. */
const streamMs = (expires: number, now: number): number => {
  const left = expires - now;
  const early = BEFORE_EXPIRY.least + Math.random() * (BEFORE_EXPIRY.most - BEFORE_EXPIRY.least);
  return Math.min(LONGEST_TIMER, Math.max(left - early, left * 0.5, 0));
};

const secureContext = ({ key, cert }: ServedCertificate) => ({ key, cert, minVersion: 'TLSv1.3' as const });

/** Starts to listen once all that is known of the cluster is known. @throws Error if the address cannot be listened on */
export const startControl = async (options: StartControlOptions): Promise<Control> => {
  const { kube, world, certificates, listen, clock, log, observer, replica } = options;
  await Promise.all([world.pods.synced, world.namespaces.synced, world.connections.synced, world.policies.synced]);
  const streams = new Streams();
  const book = new TallyBook(clock.monotonic, (policy) => world.policies.get(policy) !== undefined);
  const addresses = new PodAddresses(world.pods);
  // Before the fan-out: it has to know a change when that is told.
  const policies = new PoliciesByNamespace(world.policies);
  const wanted = (): ReadonlySet<string> =>
    new Set(
      [...streams.namespaces()].flatMap((namespace) =>
        policies.of(namespace).flatMap((policy) => [...maskKeys(policy.spec).keys()].map((name) => `${namespace}/${name}`)),
      ),
    );
  const secrets = new MaskSecrets({
    kube,
    log,
    wanted,
    onChange: (key) => fanOut.secretChanged(key.slice(0, key.indexOf('/'))),
    ...(options.secretsMs === undefined ? {} : { everyMs: options.secretsMs }),
  });
  const maker = new BundleMaker({
    world,
    policies: (namespace) => policies.of(namespace),
    secret: (key) => secrets.get(key),
    staleAfter: options.staleAfter,
    connections: options.connections,
    clock,
    onLeftOut: (policy, problem) => log.warn({ policy, problem }, 'a policy is left out of bundles'),
  });
  const fanOut = new FanOut({ world, streams, maker, log, onSent: (milliseconds) => observer?.sent(milliseconds / 1000) });
  const unlisten = world.pods.listen(({ before, after }) => {
    const uid = before?.metadata.uid;
    if (uid !== undefined && reasonAgainst(after, uid) !== undefined) book.ended(uid);
  });

  const blind = watchSight(options, () => {
    for (const stream of streams.all()) stream.end();
  });
  const open = (identity: PodIdentity, expires: number, response: ServerResponse): void => {
    const stream = new SidecarStream(response, identity);
    streams.add(stream);
    book.opened(identity.uid);
    observer?.streams(streams.size);
    const timer = setTimeout(
      () => {
        book.sentAway(identity.uid);
        stream.end();
      },
      streamMs(expires, clock.now().getTime()),
    );
    timer.unref();
    response.once('close', () => {
      clearTimeout(timer);
      streams.remove(stream);
      observer?.streams(streams.size);
      if (streams.ofPod(stream.pod).length === 0) book.closed(identity.uid);
    });
    fanOut.serve(stream);
  };
  const server = controlServer(
    {
      authenticate: authenticator(kube, clock, (uid, address) => addresses.isOf(address, uid)),
      admit: async (identity, address) => {
        if (blind.now()) return { type: 'Unavailable' };
        if (addresses.isOfAnother(address, identity.uid)) {
          log.error({ ...identity, address }, 'a token was shown by another pod than the one it is for');
          return { type: 'Forbidden', reason: 'The token is of another pod.' };
        }
        return await admit(world.pods, kube, identity);
      },
      onStream: open,
      onReport: (identity, report) => {
        book.report(identity, report);
        // One that was under way when its stream ended.
        if (streams.ofPod(`${identity.namespace}/${identity.pod}`).length === 0) book.closed(identity.uid);
      },
      onRefusal: (refusal, reason) => {
        observer?.refused(refusal);
        log.debug({ refusal, reason }, 'a sidecar was refused');
      },
    },
    secureContext(certificates.current()),
  );
  const forget = certificates.onChange((certificate) => server.setSecureContext(secureContext(certificate)));

  const pings = setInterval(() => {
    for (const stream of streams.all()) stream.ping();
  }, PING_SECONDS * 1000);
  const stopTally = writeTally(options, () =>
    book.tally(
      [...streams.all()].map(({ identity, sent }) => ({ uid: identity.uid, sent })),
      (policy) => world.policies.get(policy)?.metadata.generation,
    ),
  );
  const port = await listening(server, listen);
  server.on('error', (error) => log.error({ err: error }, 'the control plane failed'));
  log.info({ host: listen.host, port, replica: replica.name }, 'control plane listens');

  const stop = async (): Promise<void> => {
    forget();
    unlisten();
    fanOut.stop();
    policies.stop();
    addresses.stop();
    secrets.stop();
    stopTally();
    blind.stop();
    clearInterval(pings);
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const stream of streams.all()) stream.end();
    server.closeIdleConnections();
    const impatience = setTimeout(() => server.closeAllConnections(), 5_000);
    await closed;
    clearTimeout(impatience);
  };
  return { address: { host: listen.host, port }, streams: () => streams.size, stop };
};

/**
 * INVARIANT: who does not see the cluster does not vouch for what is in force: a policy may be gone. Sidecars turn to another replica, or
 * serve what they have for as long as they may.
 */
const watchSight = ({ following = () => true, blindMs = BLIND, clock, log }: StartControlOptions, onBlind: () => void) => {
  let since: number | undefined;
  let told = false;
  const isBlind = (): boolean => since !== undefined && clock.monotonic() - since > blindMs;
  const timer = setInterval(
    () => {
      if (following()) {
        if (told) log.info('the cluster is followed again, and sidecars are served');
        since = undefined;
        told = false;
        return;
      }
      since ??= clock.monotonic();
      if (!isBlind() || told) return;
      told = true;
      log.error('the cluster is not followed, and no sidecar is served until it is');
      onBlind();
    },
    Math.min(1_000, blindMs),
  );
  timer.unref();
  return { now: isBlind, stop: (): void => clearInterval(timer) };
};

const listening = async (server: Server, { host, port }: Address): Promise<number> => {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.removeListener('error', reject);
      resolve();
    });
  });
  return (server.address() as AddressInfo).port;
};

/** Writes the tally down whenever it has changed; returns how to stop. */
const writeTally = ({ kube, log, replica, tallyMs = TALLY }: StartControlOptions, tally: () => ReturnType<TallyBook['tally']>) => {
  const path = `/api/v1/namespaces/${replica.namespace}/configmaps/${tallyName(replica)}`;
  // A container that is started again finds what its predecessor wrote: the first tally is written in any case.
  let written: string | undefined;
  let writing = false;
  const timer = setInterval(() => {
    const configMap = tallyConfigMap(replica, tally());
    const text = JSON.stringify(configMap);
    if (writing || text === written) return;
    writing = true;
    kube
      .apply(path, configMap)
      .then(
        () => {
          written = text;
        },
        (error: unknown) => log.warn({ err: error }, 'could not write down what sidecars report'),
      )
      .finally(() => {
        writing = false;
      });
  }, tallyMs);
  timer.unref();
  return (): void => clearInterval(timer);
};
