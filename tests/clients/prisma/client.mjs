// Prisma: what its users do. Prints all it gets, so that the test can look for raw values.
import assert from 'node:assert/strict';
import { reflect } from './reflection.mjs';

const { reflected, prisma, Prisma } = reflect('client', ['public', 'staff']);
for (const of of [
  'email         String       @unique',
  'details         Json',
  '@relation("employeesToemployees", fields: [manager_id]',
]) {
  assert(reflected.includes(of), reflected);
}
const { customers, orders, products, employees } = prisma;
const first = { orderBy: { id: 'asc' }, take: 5 };

async function got(promise) {
  const value = await promise;
  console.log(JSON.stringify(value));
  return value;
}

async function refused(promise) {
  await assert.rejects(promise, (error) => {
    const { code, message, detail, hint } = error.cause ?? error.meta.driverAdapterError.cause;
    console.log(error.name, code, message, detail, hint);
    return code === '42501' && hint !== undefined;
  });
}

// Masked wherever a row comes back: found, by a relation, paged, written, in a transaction.
const found = await got(customers.findMany(first));
assert.equal(found.length, 5);
for (const { email, phone, password_hash, name } of found) {
  assert.match(email, /^.\*\*\*@example\./);
  assert(phone === null || phone.startsWith('***'), phone);
  assert(password_hash === '***' && !name.includes('*'));
}
assert.deepEqual(await customers.findMany({ cursor: { id: 1 }, skip: 1, ...first, take: 4 }), found.slice(1));
assert.deepEqual(await Promise.all(found.map(({ id }) => customers.findUnique({ where: { id } }))), found);
const { email } = await customers.findUniqueOrThrow({ where: { id: 1 }, select: { email: true } });
assert.equal(email, found[0].email);
assert.equal(await got(customers.findUnique({ where: { email: 'nobody@example.org' } })), null);
const order = await got(
  orders.findUnique({ where: { id: 1 }, include: { customers: true }, relationLoadStrategy: 'query' }),
);
assert.deepEqual(order.customers, await customers.findUnique({ where: { id: order.customer_id } }));
const data = {
  id: 90001,
  name: 'New',
  email: 'new@example.org',
  password_hash: 'h',
  address: 'a',
  city: 'c',
  country: 'DE',
  newsletter: false,
  created_at: new Date(0),
};
const upserted = () => got(customers.upsert({ where: { id: data.id }, create: data, update: { city: 'Oslo' } }));
assert.deepEqual(await upserted(), {
  ...data,
  email: 'n***@example.org',
  phone: null,
  password_hash: '***',
  address: '***',
});
assert.equal((await upserted()).city, 'Oslo');
await assert.rejects(customers.create({ data }), { code: 'P2002' });
const [moved] = await got(
  prisma.$transaction([
    customers.update({ where: { id: 2 }, data: { city: 'Cork' } }),
    customers.update({ where: { id: 2 }, data: { email: 'two@example.org' } }),
    orders.updateMany({ where: { customer_id: 2 }, data: { quantity: { increment: 1 } } }),
  ]),
);
assert.equal(moved.email, found[1].email);
await got(customers.delete({ where: { id: data.id } }));
await got(prisma.$queryRaw`SELECT id, email FROM customers WHERE id = ${1}`);

// What tells something of a protected value is refused.
await refused(customers.findFirst({ where: { email: { contains: 'berg' } } }));
await refused(customers.findMany({ orderBy: { phone: 'asc' }, take: 1 }));
await refused(customers.groupBy({ by: ['phone'], _count: true }));
await refused(customers.aggregate({ _max: { email: true } }));
await refused(orders.findMany({ where: { customers: { phone: { startsWith: '+49' } } } }));
await refused(orders.findMany({ include: { customers: true }, relationLoadStrategy: 'join', take: 1 }));
await refused(employees.findFirst({ where: { salary: { gt: 50000 } } }));
await refused(prisma.$queryRaw`SELECT upper(email) FROM customers WHERE id = ${1}`);
await refused(customers.updateMany({ data: { city: 'nowhere' } }));
await refused(
  prisma.$transaction(async (tx) => {
    await tx.products.create({ data: { id: 9001, name: 'New', category: 'new', price: 1 } });
    return tx.customers.aggregate({ _min: { phone: true } });
  }),
);
assert.equal(await products.count(), 500);

// What tells nothing goes on.
for (const relationLoadStrategy of ['join', 'query']) {
  const include = {
    customers: { select: { name: true, city: true } },
    products: true,
    payments: { select: { amount: true } },
  };
  const [one] = await got(orders.findMany({ relationLoadStrategy, ...first, include }));
  assert(one.customers.name && one.products.price && one.payments.length > 0);
  const select = { name: true, employees: { select: { name: true } }, other_employees: { select: { id: true } } };
  await got(employees.findMany({ relationLoadStrategy, ...first, select }));
  const counted = { email: true, orders: { take: 1 }, _count: { select: { orders: true } } };
  assert.equal((await got(customers.findMany({ relationLoadStrategy, ...first, select: counted })))[0].email, email);
}
await got(
  customers.groupBy({
    by: ['country'],
    _count: { _all: true },
    _max: { created_at: true },
    having: { id: { _max: { gt: 1 } } },
  }),
);
await got(
  customers.findMany({
    ...first,
    select: { name: true },
    where: { name: { contains: 'BERG', mode: 'insensitive' }, orders: { none: { status: 'open' } } },
  }),
);
await got(employees.findMany({ ...first, select: { details: true }, where: { details: { path: ['level'], gt: 1 } } }));
await got(prisma.$queryRaw`SELECT id FROM customers WHERE id IN (${Prisma.join([1, 2])}) FOR UPDATE`);
await got(
  prisma.$transaction((tx) => tx.customers.count({ where: { newsletter: true } }), { isolationLevel: 'Serializable' }),
);

await prisma.$disconnect();
console.log('done');
