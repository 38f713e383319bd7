/**
 * An oracle is whatever tells a right guess from a wrong one: it is asked for a hidden value character by character.
 */
import { connectRaw, type RawClient, type RawFrame, responseFields, send } from '../support/raw-client.ts';

export const ALPHABET: readonly string[] = 'abcdefgh'.split('');

/** A statement, or a message for its own sake; with parameters it goes by the extended protocol. */
export type Step = string | { readonly sql: string; readonly parameters: readonly string[] };

/** What is sent to learn whether the value begins with `guess`; `Order`: whether it is not less. */
export type Technique = {
  readonly name: string;
  readonly finds: 'Equal' | 'Order';
  readonly steps: (guess: string) => readonly Step[];
};

const bytesOf = (step: Step): Buffer =>
  typeof step === 'string'
    ? send.query(step)
    : Buffer.concat([send.parse('', step.sql), send.bind('', '', [...step.parameters]), send.describe('P'), send.execute(), send.sync()]);

/** What an answer says, but for literals, which are the agent's own. */
const told = (frame: RawFrame): string => {
  const text = frame.type === 'E' || frame.type === 'N' ? JSON.stringify(responseFields(frame)) : frame.body.toString('latin1');
  return `${frame.type} ${text.replaceAll(/'[^']*'/g, "'#'")}`;
};

/** A session that is opened anew where it has ended. */
export class Asking {
  readonly #port: number;
  readonly #user: string;
  #client: RawClient | undefined;

  constructor(port: number, user: string) {
    this.#port = port;
    this.#user = user;
  }

  async ask(steps: readonly Step[]): Promise<string> {
    if (this.#client === undefined || this.#client.closed) {
      this.#client = await connectRaw(this.#port);
      await this.#client.login({ user: this.#user, database: 'postgres' });
    }
    const answers: string[] = [];
    for (const step of steps) {
      const frames = await this.#client.exchange(bytesOf(step));
      answers.push(...frames.map(told));
    }
    if (!this.#client.closed && answers.at(-1) !== 'Z I') await this.#client.query('ROLLBACK');
    return answers.join('\n');
  }

  close(): void {
    this.#client?.destroy();
    this.#client = undefined;
  }
}

/** Which of the candidates stands out. */
const chosen = (answers: readonly string[], finds: Technique['finds']): number | undefined => {
  if (new Set(answers).size !== 2) return undefined;
  if (finds === 'Order') {
    const boundary = answers.findIndex((answer) => answer !== answers[0]);
    return answers.slice(boundary).every((answer) => answer === answers[boundary]) ? boundary - 1 : undefined;
  }
  const alone = answers.flatMap((answer, index) => (answers.filter((other) => other === answer).length === 1 ? [index] : []));
  return alone.length === 1 ? alone[0] : undefined;
};

/** The beginning of the value that the oracle gives away, at most `most` characters. */
export const recover = async (asking: Asking, { steps, finds }: Technique, most: number): Promise<string> => {
  let known = '';
  while (known.length < most) {
    const answers: string[] = [];
    for (const letter of ALPHABET) answers.push(await asking.ask(steps(known + letter)));
    const index = chosen(answers, finds);
    if (index === undefined) break;
    known += ALPHABET[index];
  }
  return known;
};
