/**
 * The agent's session, in acts. What is said between the statements are expectations; what is shown is what came back.
 */
import type { Agent, Answer } from './agent.ts';
import { heading, quote, say, tell } from './page.ts';
import { type DemoAirlock, replaced } from './start-airlock.ts';

export type Story = {
  readonly agent: Agent;
  readonly airlock: DemoAirlock;
  /** Asks the database itself, past the airlock; the first row's values. */
  readonly directly: (sql: string) => Promise<readonly string[]>;
};

type Act = (story: Story) => Promise<void>;

const ask = async ({ agent }: Story, sql: string, parameters?: readonly string[]): Promise<Answer> => {
  const answer = await agent.ask(sql, parameters);
  tell(answer);
  return answer;
};

const askEach = async (story: Story, statements: readonly string[]): Promise<void> => {
  for (const sql of statements) await ask(story, sql);
};

const reading: Act = async (story) => {
  heading('What is granted is answered as ever');
  await ask(story, 'SELECT city, count(*) FROM customers GROUP BY city ORDER BY 2 DESC, 1 LIMIT 2');
};

const filtering: Act = async (story) => {
  heading('Rows of other regions are not there');
  await ask(story, 'SELECT region, count(*), sum(amount) FROM orders GROUP BY region');
  const regions = await story.directly(
    "SELECT string_agg(format('%s %s', region, n), ', ' ORDER BY region) FROM (SELECT region, count(*) n FROM orders GROUP BY 1) r",
  );
  say(`            Past the airlock the table has: ${regions[0]}.`);
  await ask(
    story,
    'SELECT c.name, sum(o.amount) FROM customers c JOIN orders o ON o.customer_id = c.id WHERE o.status = $1 GROUP BY c.id ORDER BY 2 DESC LIMIT 2',
    ['paid'],
  );
};

const masking: Act = async (story) => {
  heading('What is masked stays masked, whatever is done with it');
  await askEach(story, [
    'SELECT name, email, card_number, ssn FROM customers ORDER BY id LIMIT 2',
    'SELECT ssn AS name FROM customers LIMIT 1',
    'SELECT row_to_json(c) FROM customers c LIMIT 1',
    "SELECT name FROM customers WHERE ssn LIKE '92%'",
  ]);
  const [count] = await story.directly("SELECT count(*) FROM customers WHERE ssn LIKE '92%'");
  say(`            Past the airlock that finds ${count}: the agent's condition met the masks.`);
  await askEach(story, ['SELECT ssn::int FROM customers', 'COPY customers TO STDOUT']);
};

const blocking: Act = async (story) => {
  heading('The rest is refused, and the agent is told why');
  await askEach(story, [
    'SELECT * FROM secrets',
    "SELECT api_key_of('payments')",
    "SELECT pg_read_file('/etc/passwd')",
    'SELECT 1; DROP TABLE orders',
  ]);
};

/** The columns that a hint lists. */
const offered = (hint: string | undefined): readonly string[] => /: (.+)\.$/.exec(hint ?? '')?.[1]?.split(', ') ?? [];

const correcting: Act = async (story) => {
  heading('An agent that reads the hint corrects itself');
  const wanted = ['name', 'phone', 'email'];
  const sql = (columns: readonly string[]): string => `SELECT ${columns.join(', ')} FROM customers WHERE city = 'Bern'`;
  const { error } = await ask(story, sql(wanted));
  await ask(story, sql(wanted.filter((column) => offered(error?.hint).includes(column))));
};

const COLUMNS = 'columns: [id, name, city, created_at]';
const FEWER_COLUMNS = 'columns: [id, city, created_at]';
const MASKS = 'masks:\n';
const NEW_MASK = '- { column: name, mask: { type: KeepFirst, keepFirst: { characters: 1 } } }';

const changing: Act = async (story) => {
  const { proxy, policy, changePolicy } = story.airlock;
  heading('The policy changes while the session lives');
  const sql = 'SELECT name, city FROM customers ORDER BY id LIMIT 1';
  const before = await policy();
  const stricter = replaced(replaced(before, COLUMNS, FEWER_COLUMNS), MASKS, `${MASKS}          ${NEW_MASK}\n`);
  await putInForce(story.airlock, stricter);
  say('policy.yaml is edited: name moves from the columns to the masks.');
  quote(`- ${COLUMNS}\n+ ${FEWER_COLUMNS}\n+ ${NEW_MASK}`);
  await ask(story, sql);

  say('A slip in the next edit: the log says so, and the last good policy stays in force.');
  await changePolicy(replaced(stricter, FEWER_COLUMNS, 'colums: [id, city, created_at]'));
  const refused = await proxy.logged(({ msg }) => msg?.startsWith('the change is refused') === true);
  const problems = proxy.log().filter(({ level, problem }) => level === 'error' && problem !== undefined);
  for (const { problem } of problems) quote(String(problem).replaceAll(`${story.airlock.manifests}/`, ''));
  quote(String(refused.msg));
  await ask(story, sql);
  await putInForce(story.airlock, stricter);
  say('The slip is mended, and policy.yaml is in force again.');
};

const ORDERS = 'columns: [id, customer_id, region, amount, status, created_at]\n';
const UPDATE_GRANT = 'update: { columns: [region, status] }';
const LIMITS = '  limits:\n';
const RULES = [
  '- { name: no-mass-change, match: { statements: [Update, Delete], withoutWhere: true }, action: Deny }',
  '- { name: few-at-a-time, match: { statements: [Update, Delete], rowsAffectedOver: 5 }, action: Deny }',
];

const writing: Act = async (story) => {
  const { policy } = story.airlock;
  heading('Writing is granted by column, and rules stop accidents');
  const granted = replaced(await policy(), ORDERS, `${ORDERS}      ${UPDATE_GRANT}\n`);
  await putInForce(story.airlock, replaced(granted, LIMITS, `  rules:\n${RULES.map((rule) => `    ${rule}\n`).join('')}${LIMITS}`));
  say('policy.yaml lets the agent update two columns of orders:');
  quote(`+ ${UPDATE_GRANT}\n+ rules:\n${RULES.map((rule) => `+   ${rule}`).join('\n')}`);
  const paid = "SELECT count(*) FROM orders WHERE status = 'paid'";
  await ask(story, "UPDATE orders SET status = 'paid' WHERE id = 2");
  const [before] = await story.directly(paid);
  await ask(story, "UPDATE orders SET status = 'paid' WHERE 1 = 1");
  await ask(story, "UPDATE orders SET status = 'paid' WHERE id > 2");
  const [after] = await story.directly(paid);
  say(`            Past the airlock ${before} orders were paid before, and ${after} are now.`);
  await askEach(story, [
    "UPDATE orders SET region = 'us' WHERE id = 2",
    'UPDATE orders SET amount = 0 WHERE id = 2',
    "UPDATE orders SET status = 'paid' WHERE id = 3",
  ]);
  const [region] = await story.directly('SELECT region FROM orders WHERE id = 3');
  say(`            Order 3 is in region ${region}: not there for the agent, not even to write.`);
};

const putInForce = async ({ proxy, changePolicy }: DemoAirlock, text: string): Promise<void> => {
  const inForce = (): number => proxy.log().filter(({ msg }) => msg === 'policy in force').length;
  const before = inForce();
  await changePolicy(text);
  await proxy.logged(() => inForce() > before);
};

/** Plays the session from its first statement to its last. */
export const play = async (story: Story, signal: AbortSignal): Promise<void> => {
  for (const act of [reading, filtering, masking, blocking, correcting, changing, writing]) {
    signal.throwIfAborted();
    await act(story);
  }
};
