/**
 * `helm test`: the proof, in the pod of an agent. It connects as any client does, and must be refused one statement.
 * `node prove.mts DATABASE STATEMENT HOST PORT`; host and port are $(PGHOST) and $(PGPORT), which the injection puts into the pod.
 */
import { type Socket, connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';

type Message = { readonly type: string; readonly body: Buffer };
type Failure = { readonly severity: string; readonly sqlstate: string; readonly message: string; readonly hint: string };

const [, , database = '', statement = '', host = '', port = ''] = process.argv;
const REFUSED = '42501';
const ATTEMPTS = 30;

const say = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const startup = (): Buffer => {
  const parameters = Buffer.from(`user\0agent\0database\0${database}\0application_name\0helm test\0\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(parameters.length + 8);
  head.writeInt32BE(196_608, 4);
  return Buffer.concat([head, parameters]);
};

const query = (): Buffer => {
  const text = Buffer.from(`${statement}\0`);
  const head = Buffer.from('Q\0\0\0\0');
  head.writeInt32BE(text.length + 4, 1);
  return Buffer.concat([head, text]);
};

const failureOf = (body: Buffer): Failure => {
  const fields = new Map(
    body
      .toString()
      .split('\0')
      .map((field) => [field.slice(0, 1), field.slice(1)]),
  );
  const field = (code: string): string => fields.get(code) ?? '';
  return { severity: field('S'), sqlstate: field('C'), message: field('M'), hint: field('H') };
};

async function* messagesOf(socket: Socket): AsyncGenerator<Message> {
  let rest = Buffer.alloc(0);
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, chunk]);
    for (let length = 0; rest.length >= 5 && rest.length >= (length = rest.readInt32BE(1) + 1); rest = rest.subarray(length)) {
      yield { type: rest.toString('latin1', 0, 1), body: rest.subarray(5, length) };
    }
  }
}

/** The error that the statement met; undefined where it met none. Rejects where there was no session to ask it in. */
const tried = async (): Promise<Failure | undefined> => {
  const socket = connect({ host, port: Number(port) });
  socket.write(startup());
  let asked = false;
  let failure: Failure | undefined;
  try {
    for await (const { type, body } of messagesOf(socket)) {
      if (type === 'R' && body.readInt32BE(0) !== 0) throw new Error('it asks for a password, and an agent in the cluster has none');
      if (type === 'E') failure = failureOf(body);
      if (type === 'E' && !asked) break;
      if (type !== 'Z') continue;
      if (asked) return failure;
      asked = true;
      socket.write(query());
    }
  } finally {
    socket.destroy();
  }
  throw new Error(failure === undefined ? 'the session ended' : `${failure.severity}: ${failure.message} (${failure.sqlstate})`);
};

const eventually = async (): Promise<Failure | undefined> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await tried();
    } catch (error) {
      if (attempt === ATTEMPTS) throw error;
      await setTimeout(1_000);
    }
  }
};

if (host.includes('$')) throw new Error('no sidecar was put into this pod: is its namespace excluded?');
const failure = await eventually();
say(`${database}=> ${statement}`);
say(failure === undefined ? 'it was let through' : `${failure.severity}:  ${failure.sqlstate}: ${failure.message}`);
if (failure !== undefined && failure.hint !== '') say(`HINT:  ${failure.hint}`);
if (failure?.sqlstate !== REFUSED)
  throw new Error(`expected SQLSTATE ${REFUSED}: pg-airlock does not stand between this pod and the database`);
say('ok: the agent is refused');
