// A client of Prisma's, made from what `prisma db pull` reads in the catalog.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PrismaPg } from '@prisma/adapter-pg';

const here = fileURLToPath(new URL('.', import.meta.url));
const require = createRequire(import.meta.url);
const datamodel = (schemas) => `
generator client {
  provider        = "prisma-client-js"
  engineType      = "client"
  output          = "client"
  previewFeatures = ["relationJoins", "views"]
}

datasource db {
  provider = "postgresql"
  url      = "postgresql://unused"
  schemas  = ${JSON.stringify(schemas)}
}
`;

// The native engines, which nothing here runs, are not fetched where they are said to be there.
const environment = (file) => ({
  ...process.env,
  CHECKPOINT_DISABLE: '1',
  PRISMA_HIDE_UPDATE_MESSAGE: '1',
  PRISMA_QUERY_ENGINE_LIBRARY: file,
  PRISMA_SCHEMA_ENGINE_BINARY: file,
  SCHEMA: file,
});

function prisma(file, ...command) {
  const program = join(here, 'node_modules/prisma/build/index.js');
  execFileSync(process.execPath, [program, ...command], {
    cwd: here,
    env: environment(file),
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

// What Prisma makes of these schemas, and its client for them. A client made before is kept while it
// would be the same.
export function reflect(name, schemas) {
  const folder = join(here, 'reflected', name);
  const file = join(folder, 'schema.prisma');
  mkdirSync(folder, { recursive: true });
  writeFileSync(file, datamodel(schemas));
  prisma(file, 'db', 'pull');
  const reflected = readFileSync(file, 'utf8');
  const made = join(folder, 'made');
  const wanted = readFileSync(join(here, 'package.json'), 'utf8') + reflected;
  if (!existsSync(made) || readFileSync(made, 'utf8') !== wanted) {
    prisma(file, 'generate');
    writeFileSync(made, wanted);
  }
  const { PrismaClient, Prisma } = require(join(folder, 'client'));
  // By default a transaction has five seconds, which is little on a busy machine.
  const transactionOptions = { maxWait: 60000, timeout: 60000 };
  const adapter = new PrismaPg({ max: 4 });
  return { reflected, Prisma, prisma: new PrismaClient({ adapter, transactionOptions }) };
}
