import type { Socket } from 'node:net';
import type { AuditReceipt, AuditSession } from '../../kernel/audit-record.ts';
import { Failure, internalError, shuttingDown, upstreamLost } from '../../kernel/failure.ts';
import { encodeFailure } from '../wire/error-response.ts';
import { AuditTrail } from './audit-trail.ts';
import { Cancelling } from './cancelling.ts';
import { ClientOutput } from './client-output.ts';
import { ClientReading } from './client-reading.ts';
import { closeClient, closeUpstream } from './closing.ts';
import type { Access, SessionDependencies, SessionUpstream } from './dependencies.ts';
import { Expectations } from './expectations.ts';
import { Forwarding } from './forwarding.ts';
import { HalfClose } from './half-close.ts';
import type { FrontendContext } from './frontend-context.ts';
import { FrontendHandler } from './frontend-handler.ts';
import { Outbox } from './outbox.ts';
import { Pace } from './pace.ts';
import { Probes } from './probes.ts';
import { Relay } from './relay.ts';
import { outcomeOf } from './running-statement.ts';
import { ServerHandler } from './server-handler.ts';
import { OVER, ServerWait } from './server-wait.ts';
import { ServerState } from './session-state.ts';
import { SessionMemory } from './session-memory.ts';
import { SessionTimers } from './session-timers.ts';
import type { SocketReader } from './socket-reader.ts';

/** Two doors that are open, and what is known of who is between them. */
export type ConversationParts = {
  readonly socket: Socket;
  readonly reader: SocketReader;
  readonly upstream: SessionUpstream;
  readonly access: Access;
  readonly session: AuditSession;
  /** Of the record that the session started: good for what carries no statement. */
  readonly receipt: AuditReceipt;
  readonly startupPath: readonly string[] | undefined;
};

/**
 * Drives one session: reads the client, has its messages judged, recorded and forwarded, in that order and one batch after
 * the other; and brings back what the server answers. What may pass is decided by the two handlers.
 */
export class Conversation {
  readonly #parts: ConversationParts;
  readonly #dependencies: SessionDependencies;
  readonly #expectations = new Expectations();
  readonly #state: ServerState;
  readonly #output = new ClientOutput();
  readonly #outbox: Outbox;
  readonly #reading: ClientReading;
  readonly #server: ServerHandler;
  readonly #relay: Relay;
  readonly #trail: AuditTrail;
  readonly #timers: SessionTimers;
  readonly #memory: SessionMemory;
  readonly #forwarding: Forwarding;
  readonly #pace: Pace;
  readonly #probes: Probes;
  readonly #cancelling: Cancelling;
  readonly #wait = new ServerWait(() => this.#listen());
  #terminating = false;
  readonly #halfClose: HalfClose;
  #draining = false;
  #over = false;
  #reason = 'client-disconnected';
  readonly #ended = Promise.withResolvers<void>();

  constructor(parts: ConversationParts, dependencies: SessionDependencies) {
    this.#parts = parts;
    this.#dependencies = dependencies;
    const { access, session } = parts;
    const { clock, limited, log, observe } = dependencies;
    this.#trail = new AuditTrail(access.audit, parts.receipt, (error) => this.#failureOf(error));
    this.#state = new ServerState(access.judge, this.#expectations, parts.startupPath);
    this.#timers = new SessionTimers({
      clock,
      limits: access.limits,
      sendTimeout: dependencies.sendTimeout,
      idle: () => this.#reading.waiting && (this.#expectations.size === 0 || this.#expectations.copyIn),
      expectations: this.#expectations,
      state: this.#state,
      confirmed: () => this.#server.confirmed,
      stop: (failure) => void this.#stop(failure),
      end: (failure) => this.end(failure),
    });
    this.#memory = new SessionMemory({
      limits: access.limits,
      most: dependencies.sessionMemory,
      pool: dependencies.memory,
      remembered: () => this.#state.weight,
      unread: () => parts.reader.queue.length,
      passing: () => parts.upstream.waiting() + parts.socket.writableLength + (this.#expectations.head?.running?.inspection?.held ?? 0),
    });
    this.#pace = new Pace(clock, this.#wait);
    this.#probes = new Probes(access.limits, access.probes);
    this.#halfClose = new HalfClose(parts.socket, () => {
      // What runs is to be canceled, if nobody has said goodbye.
      this.#terminating &&= this.#reason === 'client-terminated';
      this.end(undefined);
    });
    const context: FrontendContext = {
      session,
      judge: access.judge,
      state: this.#state,
      clock,
      settle: () => this.#settle(),
      answered: (until) => this.#answered(until),
      detectors: () => access.detectors?.(),
      admit: () => this.#pace.note(access.admit?.()),
      admitTelling: (terms) => this.#probes.admit(terms),
      full: () => this.#memory.full(),
      refused: (decided, decisionMs, refusal) => {
        limited(refusal.fields.limit);
        observe(outcomeOf(decided, undefined, decisionMs));
      },
    };
    this.#outbox = new Outbox(context);
    this.#server = new ServerHandler({
      session,
      expectations: this.#expectations,
      state: this.#state,
      clock,
      output: this.#output,
      notices: access.notices,
      detectors: () => access.detectors?.(),
      limits: access.limits,
      probed: (count) => this.#probes.spend(count),
      stop: () => void this.#cancelling.request(),
      timedOut: () => this.#timers.timedOut(),
      control: (message) => parts.upstream.sendControl(message),
      completed: (running, record) => {
        this.#trail.complete(record);
        limited(running.stopped?.fields.limit);
        observe(outcomeOf(running.decided, record, running.decisionMs));
      },
    });
    this.#cancelling = new Cancelling({
      upstream: parts.upstream,
      expectations: this.#expectations,
      failed: (error) => log('cancel-failed', { session: session.id, error: String(error) }),
    });
    this.#relay = new Relay({
      socket: parts.socket,
      upstream: parts.upstream,
      sink: this.#server,
      output: this.#output,
      timers: this.#timers,
    });
    this.#forwarding = new Forwarding({
      upstream: parts.upstream,
      outbox: this.#outbox,
      trail: this.#trail,
      expectations: this.#expectations,
      wait: this.#wait,
      clock,
      observe,
      cancelling: () => this.#cancelling.underWay,
      begun: () => this.#timers.active(),
      waits: () => this.#memory.pass(),
      skip: (expectation) => this.#server.skip(expectation),
    });
    this.#reading = new ClientReading({
      reader: parts.reader,
      messageLimit: dependencies.messageLimit,
      frontend: new FrontendHandler(context, this.#outbox),
      outbox: this.#outbox,
      forwarding: this.#forwarding,
      pace: this.#pace,
      waits: () => this.#endIfDrained(),
      came: () => {
        this.#timers.active();
        this.#memory.check();
      },
    });
  }

  /** Runs until the session has ended and its last record is written. Never rejects. */
  async run(): Promise<void> {
    const { socket, upstream, access, session } = this.#parts;
    const revoked = (): void => this.end(access.ended.reason instanceof Failure ? access.ended.reason : shuttingDown());
    access.ended.addEventListener('abort', revoked, { once: true });
    socket.on('close', this.#clientGone);
    socket.on('drain', () => {
      this.#relay.drained();
      this.#memory.note();
    });
    upstream.onDrain(() => {
      this.#forwarding.drained();
      this.#memory.note();
      this.#wait.wake();
    });
    upstream.onClose((failure) => this.#serverGone(failure));
    upstream.onData((chunk) => this.#fromServer(chunk));
    this.#parts.reader.settle();
    this.#timers.start();
    if (access.ended.aborted) {
      revoked();
    }
    await this.#readClient();
    await this.#ended.promise;
    access.ended.removeEventListener('abort', revoked);
    for (const { expectation } of this.#forwarding.unsent) {
      if (expectation !== undefined) {
        this.#server.loseOne(expectation);
      }
    }
    this.#trail.stop();
    // What was refused is told, though nobody was there any more for the answer.
    const refused = this.#outbox.takeBatch().records.filter((record) => record.type === 'decision' && record.decision === 'Deny');
    const failure = await this.#trail.write([...refused, { type: 'session-ended', session: session.id, reason: this.#reason }]);
    if (failure !== undefined) {
      this.#dependencies.log('session-end-unrecorded', {
        session: session.id,
        records: this.#trail.waiting + 1,
        error: failure.message,
      });
    }
  }

  /** Ends the session; `failure` is told to the client. */
  end(failure: Failure | undefined, reason?: string): void {
    if (this.#over) {
      return;
    }
    this.#over = true;
    this.#reason = reason ?? failure?.fields.code ?? this.#reason;
    const { socket, reader, upstream } = this.#parts;
    const running = this.#expectations.size > 0 && (failure !== undefined || !this.#terminating);
    this.#dependencies.limited(failure?.fields.limit);
    this.#timers.stop();
    this.#halfClose.stop();
    this.#memory.leave();
    this.#server.lose();
    this.#output.flush(socket);
    // As PostgreSQL does it (`ProcessClientWriteInterrupt`): in the middle of a row it closes without a word.
    if (failure !== undefined && socket.writable && !this.#relay.inRow) {
      socket.write(encodeFailure({ ...failure.fields, severity: 'FATAL' }));
    }
    reader.stop();
    socket.off('close', this.#clientGone);
    closeClient(socket);
    closeUpstream(upstream, running);
    this.#wait.giveUp();
    this.#ended.resolve();
  }

  /** Ends the session as soon as it is idle outside of a transaction. */
  drain(): void {
    this.#draining = true;
    this.#endIfDrained();
  }

  /** The client's wish: cancels what runs; nothing else is forwarded until the server has taken it. */
  async cancel(): Promise<void> {
    this.#timers.cancelled();
    if (!this.#over) {
      await this.#cancelling.request();
    }
  }

  /** Stops what runs, though the client does not read, or does not send its COPY: the server is in neither case open to a cancel. */
  async #stop(failure: Failure): Promise<void> {
    const { head } = this.#expectations;
    this.#server.stop(failure);
    this.#parts.upstream.resume();
    await this.#cancelling.request();
    if (!this.#over && this.#expectations.copyIn && this.#expectations.head === head) {
      this.#parts.upstream.sendControl({ type: 'CopyFail' });
    }
  }

  async #readClient(): Promise<void> {
    try {
      this.#sayGoodbye(await this.#reading.untilGoodbye());
    } catch (error) {
      if (error !== OVER) {
        this.end(this.#failureOf(error));
      }
    }
  }

  async #settle(): Promise<void> {
    await this.#forwarding.flush();
    await this.#wait.until(() => this.#expectations.settledBefore(this.#state.segment));
  }

  async #answered(until: () => boolean): Promise<void> {
    await this.#forwarding.flush();
    await this.#wait.until(() => this.#expectations.size === 0 || until());
  }

  #fromServer(chunk: Buffer): void {
    if (this.#over) {
      return;
    }
    try {
      this.#relay.take(chunk);
      this.#memory.pass();
    } catch (error) {
      this.end(this.#failureOf(error));
      return;
    }
    this.#wait.wake();
    this.#timers.active();
    this.#endIfDrained();
  }

  /** Terminate comes behind all that was sent, and so does the end of the client's half: the server finishes that first. */
  #sayGoodbye(reason: 'client-terminated' | 'client-disconnected'): void {
    if (this.#over) {
      return;
    }
    this.#reason = reason;
    if (this.#expectations.size === 0 || this.#parts.socket.destroyed) {
      this.end(undefined);
      return;
    }
    this.#terminating = true;
    this.#parts.upstream.sendControl({ type: 'Terminate' });
  }

  /** Hears that the client goes while the server is waited for, or has gone before. */
  #listen(): void {
    const { socket, reader } = this.#parts;
    if (socket.destroyed) {
      this.#clientGone();
    } else {
      reader.listen();
    }
  }

  readonly #clientGone = (): void => {
    if (this.#terminating) {
      // Nobody will drain what the server still answers.
      this.#parts.upstream.resume();
    } else if (this.#wait.active) {
      this.end(undefined);
    }
  };

  #serverGone(failure: Failure | undefined): void {
    if (this.#terminating) {
      this.end(undefined);
    } else if (this.#server.fatal) {
      this.end(undefined, 'upstream-fatal');
    } else {
      this.end(failure ?? upstreamLost());
    }
  }

  #endIfDrained(): void {
    if (this.#draining && this.#reading.waiting && this.#expectations.size === 0 && this.#state.status === 'Idle') {
      this.end(shuttingDown());
    }
  }

  #failureOf(error: unknown): Failure {
    if (error instanceof Failure) {
      return error;
    }
    this.#dependencies.log('session-fault', {
      session: this.#parts.session.id,
      error: error instanceof Error ? error.stack : String(error),
    });
    return internalError();
  }
}
