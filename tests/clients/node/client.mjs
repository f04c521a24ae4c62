// node-postgres: what its users do. Prints all it gets, so that the test can look for raw values.
import assert from 'node:assert/strict';
import pg from 'pg';
import Cursor from 'pg-cursor';

const contacts = 'SELECT id, name, email, phone FROM customers ORDER BY id LIMIT 5';

const client = new pg.Client();
client.on('notice', (notice) => console.log('notice', notice.message, notice.detail));
await client.connect();

const one = await client.query('SELECT $1::integer + 1 AS sum', [41]);
assert.equal(one.rows[0].sum, 42);

const plain = await client.query(contacts);
assert.equal(plain.rows.length, 5);
console.log(JSON.stringify(plain.rows));

const prepared = { name: 'contacts', text: contacts };
for (let round = 0; round < 3; round++) {
  assert.deepEqual((await client.query(prepared)).rows, plain.rows);
}

const cursor = client.query(new Cursor(contacts));
assert.equal((await cursor.read(2)).length, 2);
assert.equal((await cursor.read(10)).length, 3);
await cursor.close();

await assert.rejects(client.query('SELECT upper(email) FROM customers'), (error) => {
  console.log(error.code, error.message, error.detail, error.hint);
  return error.code === '42501';
});
await assert.rejects(client.query('SELECT upper(email) FROM customers WHERE id = $1', [1]), {
  code: '42501',
});
assert.equal((await client.query('SELECT 1 AS one')).rows[0].one, 1);

await client.query('BEGIN');
await client.query('UPDATE orders SET quantity = quantity + $1 WHERE id = $2', [1, 7]);
await client.query('ROLLBACK');

const many = await Promise.all(
  Array.from({ length: 200 }, (_, i) => client.query('SELECT $1::integer AS i', [i])),
);
assert.deepEqual(many.map((answer) => answer.rows[0].i), Array.from({ length: 200 }, (_, i) => i));

await client.end();
console.log('done');
