import { protocolViolation } from '../../kernel/failure.ts';
import { encodeFlush, type FrontendMessage } from '../wire/frontend-message.ts';
import { Span } from '../wire/span.ts';
import type { FrontendContext } from './frontend-context.ts';
import type { Held } from './running-statement.ts';
import type { Outbox } from './outbox.ts';
import type { Known } from './when-known.ts';

const FLUSH = new Span(encodeFlush());

/** Keeps back what the client sends behind a statement that may have to be undone, until its end is judged. */
export class Holding {
  readonly #context: FrontendContext;
  readonly #outbox: Outbox;
  #held: Held | undefined;
  #isQuery = false;

  constructor(context: FrontendContext, outbox: Outbox) {
    this.#context = context;
    this.#outbox = outbox;
  }

  /** Sends what the batch holds, and waits for the end of the statement, or for the server to want COPY data. */
  async hold(held: Held, isQuery: boolean): Promise<void> {
    this.#held = held;
    this.#isQuery = isQuery;
    this.#flush();
    await this.#wait(held);
  }

  /** Asked of each message first. True: nothing is to be done about it. Throws `Failure` for what ends the session. */
  ignores({ type }: FrontendMessage): Known<boolean> {
    const held = this.#held;
    if (held === undefined) {
      return false;
    }
    if (!held.copyIn) {
      return this.#wait(held).then(() => false);
    }
    switch (type) {
      case 'CopyData':
      case 'CopyDone':
      case 'CopyFail':
      case 'Terminate':
      // While it reads a COPY the server ignores these (`CopyGetData` of `copyfromparse.c`); where it has failed, it waits for a Sync.
      case 'Sync':
      case 'Flush':
        return false;
      default:
        throw protocolViolation(`unexpected ${type} message during COPY from stdin`);
    }
  }

  /** To be called when CopyDone or CopyFail is in the batch. */
  copied(): Known<void> {
    const held = this.#held;
    if (held === undefined) {
      return undefined;
    }
    held.copyIn = false;
    this.#flush();
    return this.#wait(held);
  }

  /** Without a Sync the server keeps its answers to itself. */
  #flush(): void {
    this.#outbox.batch.add({ kind: 'Flush', bytes: FLUSH, expectation: undefined });
  }

  async #wait(held: Held): Promise<void> {
    await this.#context.answered(() => held.copyIn);
    if (held.copyIn) {
      return;
    }
    this.#held = undefined;
    if (this.#isQuery) {
      this.#forgetUnnamed();
    }
  }

  /** INVARIANT: the server has the statement under this name, and the client must not run it: a Query leaves no such name. */
  #forgetUnnamed(): void {
    const { portals, statements } = this.#context.state;
    const { segment } = this.#context.state;
    statements.confirm(statements.propose('', undefined, segment));
    portals.confirm(portals.propose('', undefined, segment));
  }
}
