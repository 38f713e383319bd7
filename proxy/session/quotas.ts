import type { Failure } from '../../kernel/failure.ts';
import type { StatementEffect } from '../policy/judgement.ts';
import type { Frame } from '../wire/client-frames.ts';
import type { FrontendMessage } from '../wire/frontend-message.ts';
import type { FrontendContext } from './frontend-context.ts';
import type { Outbox } from './outbox.ts';

const NO_SQL = Buffer.alloc(0);

/** The unnamed statement and portal are replaced by the next: small ones are taken where memory is short, so that it can be freed. */
const SMALL = 16 * 1024;

/** Refuses what is over a limit before anything is spent on it: statements a minute, memory of the session. */
export class Quotas {
  readonly #context: FrontendContext;
  readonly #outbox: Outbox;
  /** Parse messages that were counted: the first portal of what they made is counted with them. */
  #prepaid = 0;
  /** Bind messages that were counted: the first run of a portal is counted with it. */
  #bound = 0;

  constructor(context: FrontendContext, outbox: Outbox) {
    this.#context = context;
    this.#outbox = outbox;
  }

  /** Asked of each message that could cost something. True: it was refused. */
  turnsAway(message: FrontendMessage, { raw }: Frame): boolean {
    const failure = this.#refusalOf(message, raw.length);
    if (failure === undefined) {
      return false;
    }
    this.#outbox.refuse(message.type === 'Query' ? 'Query' : 'Parse', 'sql' in message ? message.sql : NO_SQL, message.type, failure);
    return true;
  }

  /** The Parse that was counted last is refused: nothing of it will run. */
  forfeit(): void {
    this.#prepaid -= 1;
  }

  /** Why no portal may be made of a statement: the server plans it then, and computes what it can without reading a table. */
  refusesToBind(): Failure | undefined {
    if (this.#outbox.skipped) {
      return undefined;
    }
    const failure = this.#prepaid > 0 ? undefined : this.#context.admit();
    this.#prepaid = Math.max(0, this.#prepaid - 1);
    this.#bound += failure === undefined ? 1 : 0;
    return failure;
  }

  /** Why what a statement leaves behind is too much. */
  refusesToKeep(effects: readonly StatementEffect[]): Failure | undefined {
    return effects.some(keepsSomething) ? this.#context.full() : undefined;
  }

  #refusalOf(message: FrontendMessage, length: number): Failure | undefined {
    switch (message.type) {
      case 'Query':
        return this.#context.admit();
      case 'Parse': {
        const failure = this.#context.admit() ?? this.#refusalToHold(message.name, length);
        this.#prepaid += failure === undefined ? 1 : 0;
        return failure;
      }
      case 'Bind':
        return this.#refusalToHold(message.portal, length);
      case 'Execute':
        return this.#refusalToRun();
      default:
        return undefined;
    }
  }

  #refusalToHold(name: string, length: number): Failure | undefined {
    return name === '' && length <= SMALL ? undefined : this.#context.full();
  }

  #refusalToRun(): Failure | undefined {
    if (this.#outbox.skipped) {
      return undefined;
    }
    if (this.#bound > 0) {
      this.#bound -= 1;
      return undefined;
    }
    return this.#context.admit();
  }
}

const keepsSomething = (effect: StatementEffect): boolean =>
  effect.type === 'Prepare' ||
  effect.type === 'Declare' ||
  effect.type === 'Define' ||
  (effect.type === 'Transaction' && effect.action === 'Savepoint');
