// Prisma, as its users use it; prints what must be the same with PostgreSQL and the gateway.
import { reflect } from './reflection.mjs';

const { reflected, prisma, Prisma } = reflect('habits', ['odd Schema', 'public']);
console.log(reflected);
const { things, Parts: parts } = prisma;

const show = (value) => console.log(JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? `${part}n` : part)));
const problem = ({ name, code, message, meta }) =>
  show({ name, code, meta, message: message.trim().split('\n').at(-1) });
const tried = (promise) => promise.then(show, problem);
const brief = { id: true, name: true, share: true };
const first = { orderBy: { id: 'asc' }, take: 3 };

// Reading: types, filters, pages.
const all = {
  ...brief,
  feels: true,
  extra: true,
  raw: true,
  at: true,
  uid: true,
  address: true,
  total: true,
  ticket: true,
};
await tried(things.findMany({ select: all, ...first }));
await tried(things.findMany(first));
await tried(things.findUnique({ where: { name: 'thing 7' }, select: brief }));
await tried(things.findFirst({ where: { share: { gt: 58.5 } }, select: brief, orderBy: { share: 'desc' } }));
await tried(things.findUniqueOrThrow({ where: { id: 100000 }, select: brief }));
await tried(prisma.dear_things.findMany({ orderBy: { id: 'asc' }, take: 2 }));
for (const where of [
  { name: { contains: 'HING 1', mode: 'insensitive' } },
  { name: { startsWith: 'thing 2', not: 'thing 20', notIn: ['thing 21'] } },
  { OR: [{ id: 1 }, { name: { endsWith: '9' } }], NOT: { share: { lt: 30 } } },
  { feels: null },
  { feels: { in: ['sad', 'ok'] } },
  { tags: { has: 'y 5' } },
  { tags: { hasEvery: ['x', 'y 6'] } },
  { tags: { isEmpty: true } },
  { extra: { path: ['n'], equals: 4 } },
  { extra: { path: ['n'], gt: 57 } },
  { extra: { path: ['l'], array_contains: [59] } },
  { extra: { equals: Prisma.AnyNull } },
  { uid: '00000000-0000-0000-0000-000000000000', at: { lte: new Date('2026-01-03') }, share: { gte: 59 } },
  { raw: Buffer.from([0, 255, 65]), address: '10.0.0.0/8', id: { lt: 3n } },
  { Parts: { some: { No: 2, weight: { gt: 1 } } } },
  { Parts: { none: {} } },
  { Parts: { every: { No: 1 } }, share: { not: null } },
  { total: { equals: things.fields.share } },
]) {
  await tried(things.findMany({ where, select: brief, ...first }));
  await tried(things.count({ where }));
}
await tried(things.findMany({ cursor: { id: 5n }, skip: 1, ...first, select: brief }));
await tried(things.findMany({ cursor: { id: 5n }, orderBy: { id: 'asc' }, take: -2, select: brief }));
await tried(
  things.findMany({
    distinct: ['feels'],
    orderBy: [{ feels: { sort: 'asc', nulls: 'first' } }, { id: 'asc' }],
    select: { feels: true },
  }),
);
await tried(Promise.all([1, 2, 3, 4].map((id) => things.findUnique({ where: { id }, select: brief }))));

// Relations, by a join and by a query each.
for (const relationLoadStrategy of ['join', 'query']) {
  await tried(
    things.findMany({
      relationLoadStrategy,
      select: { ...brief, Parts: true, _count: { select: { Parts: true } } },
      ...first,
    }),
  );
  await tried(
    parts.findMany({
      relationLoadStrategy,
      include: { things: { select: all } },
      orderBy: [{ No: 'desc' }, { thing: 'asc' }],
      take: 2,
    }),
  );
  await tried(
    things.findMany({
      relationLoadStrategy,
      select: { Parts: { where: { No: 1 }, orderBy: { No: 'asc' }, take: 1 } },
      orderBy: [{ Parts: { _count: 'desc' } }, { id: 'asc' }],
      take: 2,
    }),
  );
  await tried(
    parts.findUnique({
      relationLoadStrategy,
      where: { thing_No: { thing: 4, No: 1 } },
      select: { weight: true, things: { select: { feels: true } } },
    }),
  );
}

// Aggregates.
await tried(
  things.aggregate({
    _count: { _all: true, share: true },
    _avg: { share: true },
    _sum: { share: true },
    _min: { name: true, at: true },
    _max: { id: true },
  }),
);
await tried(
  things.groupBy({ by: ['feels'], _count: { _all: true }, _max: { share: true }, orderBy: { feels: 'asc' } }),
);
await tried(
  parts.groupBy({
    by: ['No'],
    _count: { _all: true },
    having: { weight: { _avg: { gt: 1 } } },
    where: { thing: { gt: 2 } },
    orderBy: { _count: { No: 'desc' } },
    take: 2,
  }),
);

// Writing.
const select = { ...brief, feels: true, extra: true, total: true };
await tried(
  things.create({
    data: {
      name: 'made',
      feels: 'very_happy',
      share: '12.50',
      tags: ['a', 'b'],
      extra: { a: [1, null] },
      raw: Buffer.from('x'),
      uid: '00000000-0000-0000-0000-000000000001',
    },
    select,
  }),
);
await tried(
  things.create({
    data: { name: 'with parts', tags: [], Parts: { create: [{ No: 1, weight: 2.5 }, { No: 2 }] } },
    select: { name: true, Parts: true },
  }),
);
await tried(things.createMany({ data: [{ name: 'made' }, { name: 'many', share: 1 }], skipDuplicates: true }));
await tried(
  things.createManyAndReturn({
    data: [
      { name: 'back 1', tags: ['t'] },
      { name: 'back 2', extra: Prisma.JsonNull },
    ],
    select,
  }),
);
await tried(
  things.update({
    where: { name: 'made' },
    data: { share: { increment: 5 }, tags: { push: 'c' }, extra: { b: 2 } },
    select: { ...select, tags: true },
  }),
);
await tried(
  things.updateMany({ where: { name: { startsWith: 'back' } }, data: { share: { multiply: 2 }, feels: 'sad' } }),
);
await tried(things.updateManyAndReturn({ where: { name: 'many' }, data: { share: 2 }, select }));
for (let round = 0; round < 2; round++) {
  await tried(
    things.upsert({
      where: { name: 'up' },
      create: { name: 'up', share: 1 },
      update: { share: { increment: 1 } },
      select,
    }),
  );
  await tried(
    parts.upsert({ where: { thing_No: { thing: 1, No: 50 } }, create: { thing: 1, No: 50 }, update: { weight: 3 } }),
  );
}
await tried(
  things.update({
    where: { name: 'with parts' },
    data: {
      Parts: {
        deleteMany: { No: 2 },
        upsert: { where: { thing_No: { thing: 1, No: 9 } }, create: { No: 9 }, update: {} },
      },
    },
    select: { Parts: true },
  }),
);
await tried(things.delete({ where: { name: 'up' }, select }));
await tried(things.deleteMany({ where: { name: { in: ['many', 'back 1'] } } }));

// Errors.
await tried(things.create({ data: { name: 'thing 1' } }));
await tried(parts.create({ data: { thing: 100000, No: 1 } }));
await tried(things.update({ where: { id: 1 }, data: { share: 101 } }));
await tried(parts.update({ where: { thing_No: { thing: 1, No: 1 } }, data: { weight: -1 } }));
await tried(things.update({ where: { id: 100000 }, data: { share: 1 } }));
await tried(things.create({ data: { name: 'x'.repeat(41) } }));
await tried(prisma.$queryRaw`SELECT frm`);
await tried(prisma.$queryRaw`SELECT 1 / ${0}::int AS n`);
await tried(prisma.$executeRaw`UPDATE nowhere SET a = 1`);

// Raw.
await tried(
  prisma.$queryRaw`SELECT id, name, feels::text, span::text, long::text FROM things WHERE id IN (${Prisma.join([
    1, 2,
  ])}) ORDER BY id`,
);
await tried(
  prisma.$queryRawUnsafe(
    'SELECT $1::int + $2::bigint AS sum, $3::jsonb AS j, $4::timestamptz AS t',
    1,
    2n,
    { a: 1 },
    new Date(0),
  ),
);
await tried(prisma.$executeRaw`UPDATE things SET share = share + ${1}::numeric WHERE id < ${4}`);
await tried(prisma.$queryRaw`SELECT name FROM things WHERE id = ${1} FOR UPDATE`);

// Transactions.
await tried(
  prisma.$transaction([
    things.count(),
    things.update({ where: { id: 2 }, data: { share: 20 }, select: brief }),
    prisma.$queryRaw`SELECT 1 AS one`,
  ]),
);
await tried(
  prisma.$transaction([
    things.update({ where: { id: 2 }, data: { share: 30 }, select: brief }),
    things.create({ data: { name: 'thing 1' } }),
  ]),
);
for (const isolationLevel of [undefined, 'Serializable', 'ReadCommitted']) {
  const work = async (tx) => {
    await tx.things.update({ where: { id: 3 }, data: { share: { increment: 1 } }, select: brief });
    show(await tx.$queryRaw`SHOW transaction_isolation`);
    const nested = await tx.Parts.create({ data: { thing: 3, No: 70 } }).catch(problem);
    if (isolationLevel === 'Serializable') throw new Error('given up');
    return nested;
  };
  await tried(prisma.$transaction(work, { isolationLevel }));
}
await tried(
  prisma.$transaction(async (tx) => {
    await tx.$executeRaw`SELECT 1 / 0`.catch(problem);
    return tx.things.count();
  }),
);
await tried(
  prisma
    .$transaction((tx) => tx.$queryRaw`SELECT 1 AS late FROM pg_sleep(1)`, { timeout: 200 })
    .catch(({ code }) => code),
);
await tried(things.findMany({ where: { id: { in: [2, 3] } }, select: brief, orderBy: { id: 'asc' } }));
await tried(Promise.all(Array.from({ length: 60 }, (_, i) => things.count({ where: { id: { lte: i } } }))));

await prisma.$disconnect();
