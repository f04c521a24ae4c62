// node-postgres, as its users use it; prints what must be the same with PostgreSQL and the gateway.
import pg from 'pg';
import Cursor from 'pg-cursor';
import QueryStream from 'pg-query-stream';

const show = (value) => console.log(JSON.stringify(value));
const problem = ({ code, message, detail, hint, position, table, constraint, severity }) =>
  show({ code, message, detail, hint, position, table, constraint, severity });

const client = new pg.Client({ application_name: 'habits', statement_timeout: 20000 });
client.on('notice', ({ message, severity }) => show({ notice: message, severity }));
await client.connect();

const all = await client.query('SELECT * FROM things ORDER BY id LIMIT 3');
show(all.rows);
show(all.fields);
show((await client.query({ text: 'SELECT id, name FROM things WHERE id = ANY($1)', values: [[1, 2]], rowMode: 'array' })).rows);
show((await client.query({ text: 'SELECT $1::int4 AS n', values: [5], binary: true })).rows);
show((await client.query('SELECT 1 AS a; SELECT 2 AS b; SELECT 3 WHERE false')).map((one) => one.rows));

for (const [text, values] of [
  ['SELECT frm'],
  ['SELECT $1::int / $2::int', [1, 0]],
  ['INSERT INTO things (name) VALUES ($1)', ['thing 1']],
  ['SELECT 1; SELECT 1 / 0; SELECT 2'],
  ['SELECT $1::int', ['x']],
  ['SELECT $1::int', [1, 2]],
]) {
  await client.query(text, values).then(show, problem);
}

const named = { name: 'by id', text: 'SELECT name FROM things WHERE id = $1' };
for (let id = 1; id < 5; id++) show((await client.query({ ...named, values: [id] })).rows);

const cursor = client.query(new Cursor('SELECT id FROM things ORDER BY id'));
show(await cursor.read(3));
show(await cursor.read(2));
await cursor.close();
show((await client.query('SELECT 1 AS after')).rows);

let sum = 0;
for await (const row of client.query(new QueryStream('SELECT * FROM generate_series(1, $1) n', [5000], { batchSize: 100 }))) {
  sum += row.n;
}
show(sum);
const broken = client.query(new QueryStream('SELECT 1 / (300 - n) FROM generate_series(1, 1000) n', [], { batchSize: 50 }));
try {
  for await (const row of broken) sum += row['?column?'];
} catch (error) {
  problem(error);
}
// A stream that its reader leaves early.
for await (const row of client.query(new QueryStream('SELECT n FROM generate_series(1, 100000) n', [], { batchSize: 10 }))) {
  if (row.n === 25) break;
}
show((await client.query('SELECT 2 AS after')).rows);

await client.query('BEGIN');
await client.query('SELECT 1 / 0').catch(problem);
await client.query('SELECT 1').catch(problem);
await client.query('ROLLBACK');
await client.query('UPDATE things SET share = 3 WHERE id = 3');

const answers = await Promise.allSettled(
  Array.from({ length: 300 }, (_, i) => client.query('SELECT 100 / ($1::int - 150) AS i', [i])),
);
show(answers.map(({ value, reason }) => value?.rows[0].i ?? reason.code));

const heard = new Promise((resolve) => client.once('notification', ({ channel, payload }) => resolve({ channel, payload })));
await client.query('LISTEN news');
const pool = new pg.Pool({ max: 4 });
await pool.query("NOTIFY news, 'hello'");
show(await heard);
show((await Promise.all(Array.from({ length: 40 }, (_, i) => pool.query('SELECT $1::int AS i', [i])))).map((a) => a.rows[0].i));
await pool.end();
await client.end();
