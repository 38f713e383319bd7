import type { Socket } from 'node:net';
import type { AuditSession } from '../../kernel/audit-record.ts';
import { Failure, internalError, shuttingDown, startupOptionRefused } from '../../kernel/failure.ts';
import type { Identity } from '../../kernel/identity.ts';
import { splitIdentifiers } from '../sql/identifier-list.ts';
import { encodeFailure } from '../wire/error-response.ts';
import { encodeBackendKeyData, encodeParameterStatus, encodeReadyForQuery } from '../wire/server-status.ts';
import type { CancelRegistry } from './cancel-registry.ts';
import { Conversation } from './conversation.ts';
import type { Visitor } from './doorkeeper.ts';
import type { Access, SessionDependencies, SessionUpstream } from './dependencies.ts';
import { checkMajor, logIn, negotiateVersion } from './login.ts';
import { checkPinned } from './server-handler.ts';
import type { Sessions } from './sessions.ts';
import { type Arrival, type DoorOptions, openDoor } from './startup-door.ts';
import { readStartup, type StartupRequest } from './startup-options.ts';

/** What all clients of one listener share. */
export type ServeOptions = {
  readonly dependencies: SessionDependencies;
  readonly cancels: CancelRegistry;
  readonly sessions: Sessions;
  readonly tls: DoorOptions['tls'];
  /** Milliseconds from the connection to the end of authentication (PostgreSQL's `authentication_timeout`). */
  readonly startupDeadline: number;
};

/** Serves one client from its first byte to its last. Never rejects. */
export const serveClient = (socket: Socket, options: ServeOptions, visitor?: Visitor): Promise<void> =>
  new Client(socket, options, visitor).serve();

class Client {
  readonly #options: ServeOptions;
  readonly #visitor: Visitor | undefined;
  readonly #abort = new AbortController();
  readonly #address: string;
  /** Where answers go: the socket, or the TLS on top of it. */
  #socket: Socket;
  #conversation: Conversation | undefined;

  constructor(socket: Socket, options: ServeOptions, visitor: Visitor | undefined) {
    this.#options = options;
    this.#visitor = visitor;
    this.#socket = socket;
    this.#address = socket.remoteAddress ?? '';
  }

  async serve(): Promise<void> {
    const socket = this.#socket;
    socket.setNoDelay(true);
    // A broken connection shows as its end; there is nobody to tell.
    socket.on('error', () => undefined);
    socket.once('close', () => this.#abort.abort());
    const done = this.#serve();
    this.#options.sessions.add(
      {
        end: (failure) => this.#end(failure),
        drain: () => (this.#conversation === undefined ? this.#end(shuttingDown()) : this.#conversation.drain()),
      },
      done,
    );
    await done;
  }

  async #serve(): Promise<void> {
    const deadline = setTimeout(() => this.#socket.destroy(), this.#options.startupDeadline);
    try {
      const arrival = await openDoor(
        this.#socket,
        { tls: this.#options.tls, cancel: (key) => this.#options.cancels.cancel(key) },
        (secured) => {
          this.#socket = secured;
          secured.once('close', () => this.#abort.abort());
        },
      );
      if (arrival !== undefined) {
        await this.#welcome(arrival, () => clearTimeout(deadline));
      }
    } catch (error) {
      this.#end(this.#failureOf(error));
    } finally {
      clearTimeout(deadline);
    }
  }

  async #welcome(arrival: Arrival, inTime: () => void): Promise<void> {
    checkMajor(arrival);
    const request = readStartup(arrival.startup.parameters);
    const minor = negotiateVersion(arrival, request);
    const refusal = this.#options.dependencies.refusal?.();
    if (refusal !== undefined) {
      throw refusal;
    }
    const identity = await this.#identify(arrival, request);
    if (identity === undefined) {
      return;
    }
    inTime();
    const crowded = this.#visitor?.sitDown(identity.agent);
    if (crowded !== undefined) {
      throw crowded;
    }
    const access = await this.#options.dependencies.openAccess(identity, request.database, request.user);
    if (access instanceof Failure) {
      throw access;
    }
    const { settings, startupPath } = judgedSettings(access, request);
    const upstream = await access.openUpstream(settings, this.#abort.signal);
    let closed = false;
    try {
      for (const [name, value] of upstream.parameters) {
        checkPinned(name, value);
      }
      const session = this.#describe(identity, access, request);
      const receipt = await access.audit.append([{ type: 'session-started', session, revision: access.judge.revision() }]);
      const parts = { socket: arrival.socket, reader: arrival.reader, upstream, access, session, receipt, startupPath };
      const conversation = new Conversation(parts, this.#options.dependencies);
      closed = true;
      await this.#converse(conversation, arrival, upstream, minor);
    } finally {
      if (!closed) {
        upstream.end();
      }
    }
  }

  async #converse(conversation: Conversation, arrival: Arrival, upstream: SessionUpstream, minor: number): Promise<void> {
    const { cancels } = this.#options;
    const key = cancels.register(minor, () => conversation.cancel());
    this.#conversation = conversation;
    const greeting = [...upstream.parameters].map(([name, value]) => encodeParameterStatus(name, value));
    greeting.push(encodeBackendKeyData(key.processId, key.secretKey), encodeReadyForQuery('Idle'));
    arrival.socket.write(Buffer.concat(greeting));
    try {
      await conversation.run();
    } finally {
      cancels.forget(key);
    }
  }

  async #identify(arrival: Arrival, request: StartupRequest): Promise<Identity | undefined> {
    const { authenticate, authenticationFailed } = this.#options.dependencies;
    try {
      return await logIn(arrival, authenticate(request.user, arrival.encrypted));
    } catch (error) {
      if (error instanceof Failure) {
        authenticationFailed(request.user, this.#address, typeof error.cause === 'string' ? error.cause : error.message);
      }
      throw error;
    }
  }

  #describe(identity: Identity, access: Access, request: StartupRequest): AuditSession {
    return {
      id: this.#options.dependencies.randomBytes(16).toString('hex'),
      identity,
      connection: access.connection,
      database: request.database,
      clientAddress: this.#address,
      applicationName: request.applicationName,
    };
  }

  #end(failure: Failure): void {
    if (this.#conversation !== undefined) {
      this.#conversation.end(failure);
      return;
    }
    const socket = this.#socket;
    this.#options.dependencies.limited(failure.fields.limit);
    if (socket.writable) {
      socket.end(encodeFailure({ ...failure.fields, severity: 'FATAL' }));
    }
    socket.resume();
    const timer = setTimeout(() => socket.destroy(), 2_000);
    timer.unref();
    socket.once('close', () => clearTimeout(timer));
  }

  #failureOf(error: unknown): Failure {
    if (error instanceof Failure) {
      return error;
    }
    this.#options.dependencies.log('session-fault', { error: error instanceof Error ? error.stack : String(error) });
    return internalError();
  }
}

/** Settings of the startup packet that may be passed on. Throws `Failure`. */
const judgedSettings = (
  access: Access,
  request: StartupRequest,
): { readonly settings: Readonly<Record<string, string>>; readonly startupPath: readonly string[] | undefined } => {
  let startupPath: readonly string[] | undefined;
  for (const [name, value] of request.settings) {
    if (name === 'client_encoding') {
      continue;
    }
    const failure = access.startupSetting(name, value);
    if (failure !== undefined) {
      throw failure;
    }
    if (name === 'search_path') {
      const names = splitIdentifiers(value);
      if (names === undefined) {
        throw startupOptionRefused(name, 'The list of names has an invalid syntax.');
      }
      startupPath = access.resolveSearchPath(names);
    }
  }
  return { settings: { ...Object.fromEntries(request.settings), client_encoding: 'UTF8' }, startupPath };
};
