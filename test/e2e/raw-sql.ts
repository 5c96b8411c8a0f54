/** SQL by hand, past the gateway: what an operator with a database shell does. `?` marks parameters on both servers. */
import { createConnection } from "mysql2/promise";
import { Client } from "pg";

export type RawSql = (
  text: string,
  values?: readonly (string | number | null)[],
) => Promise<Record<string, unknown>[]>;

/** Opens a connection, hands it to the work and closes it. */
export async function withRawSql<T>(dsn: string, work: (sql: RawSql) => Promise<T>): Promise<T> {
  return dsn.startsWith("postgres") ? await withPostgres(dsn, work) : await withMysql(dsn, work);
}

async function withPostgres<T>(dsn: string, work: (sql: RawSql) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: dsn });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return await work(async (text, values = []) => {
      let index = 0;
      const numbered = text.replaceAll("?", () => `$${(index += 1)}`).replaceAll("`", '"');
      return (await client.query(numbered, [...values])).rows as Record<string, unknown>[];
    });
  } finally {
    await client.end();
  }
}

async function withMysql<T>(dsn: string, work: (sql: RawSql) => Promise<T>): Promise<T> {
  const connection = await createConnection({ uri: dsn });
  try {
    return await work(async (text, values = []) => {
      const [rows] = await connection.query(text, [...values]);
      return Array.isArray(rows) ? (rows as Record<string, unknown>[]) : [];
    });
  } finally {
    await connection.end();
  }
}
