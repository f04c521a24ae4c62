// `prisma db pull` by Prisma's schema engine, built as WebAssembly, over node-postgres.
import { PrismaPg } from '@prisma/adapter-pg';
import { ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import { defineConfig } from 'prisma/config';

const CHAR = 18;
const TEXT = 25;

// The engine asks for "char", of which the catalog is full and which the adapter does not know.
class WithChar extends PrismaPg {
  async connect() {
    const adapter = await super.connect();
    const { performIO, queryRaw } = adapter;
    let chars;
    adapter.performIO = async (query) => {
      const answer = await performIO.call(adapter, query);
      chars = answer.fields.map(({ dataTypeID }) => dataTypeID === CHAR);
      for (const [at, field] of answer.fields.entries()) if (chars[at]) field.dataTypeID = TEXT;
      return answer;
    };
    adapter.queryRaw = async (query) => {
      const answer = await queryRaw.call(adapter, query);
      answer.columnTypes = answer.columnTypes.map((type, at) => (chars[at] ? ColumnTypeEnum.Character : type));
      return answer;
    };
    return adapter;
  }
}

export default defineConfig({
  schema: process.env.SCHEMA,
  experimental: { adapter: true },
  engine: 'js',
  adapter: async () => new WithChar({ max: 1, allowExitOnIdle: true }),
});
