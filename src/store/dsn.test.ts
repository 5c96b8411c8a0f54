// SQL_DSN in all its forms: what is understood, what is refused by name, and that the password stays out of errors.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DsnError } from "./database-target.ts";
import { parseDsn } from "./dsn.ts";
import { openDatabase } from "./open-database.ts";

describe("PostgreSQL URLs", () => {
  it("mean what libpq means", () => {
    const target = parseDsn(
      "postgresql://us%40er:p%2Fa%3Ass@db.example:6432/gate%20way?sslmode=require&connect_timeout=7&application_name=x&options=-c%20geqo%3Doff&TimeZone=Asia/Shanghai&target_session_attrs=read-write",
    );
    assert.deepEqual(target, {
      engine: "postgres",
      host: "db.example",
      port: 6432,
      user: "us@er",
      password: "p/a:ss",
      database: "gate way",
      tls: { mode: "require", verify: "none", direct: false },
      connectTimeoutMs: 7000,
      applicationName: "x",
      options: "-c geqo=off",
      channelBinding: true,
    });
  });

  it("have libpq's defaults", () => {
    const target = parseDsn("postgres://ann@/");
    assert.equal(target.host, "localhost");
    assert.equal(target.port, 5432);
    assert.equal(target.database, "ann");
    assert.deepEqual(target.tls, { mode: "prefer", verify: "none" });
    assert.equal(target.connectTimeoutMs, 2000);
  });

  it("may name a socket, an IPv6 address, or the parts as parameters", () => {
    const socket = parseDsn("postgres://ann:x@/gate?host=/var/run/postgresql&port=5433");
    assert.equal(socket.host, "/var/run/postgresql");
    assert.equal(socket.port, 5433);
    assert.equal(socket.tls.mode, "off");
    assert.equal(parseDsn("postgres://ann@[::1]:5432/gate").host, "::1");
  });

  it("verify as sslmode says", () => {
    const verify = (parameters: string): string => {
      const { tls } = parseDsn(`postgres://a:b@h/d?${parameters}`);
      return `${tls.mode} ${tls.verify}`;
    };
    assert.equal(verify("sslmode=disable"), "off none");
    assert.equal(verify("sslmode=allow"), "allow none");
    assert.equal(verify("sslmode=require&sslrootcert=/ca.pem"), "require ca");
    assert.equal(verify("sslmode=verify-ca"), "require ca");
    assert.equal(verify("sslmode=verify-full&sslrootcert=system"), "require full");
  });
});

describe("MySQL settings", () => {
  it("in Go's form mean what the Go driver means", () => {
    const target = parseDsn(
      "root:p@ss/w:rd@tcp(10.0.0.5:3307)/one-hub?charset=utf8mb4&parseTime=True&loc=Asia%2FShanghai&timeout=1m30s&tls=skip-verify",
    );
    assert.deepEqual(target, {
      engine: "mysql",
      host: "10.0.0.5",
      port: 3307,
      user: "root",
      password: "p@ss/w:rd",
      database: "one-hub",
      tls: { mode: "require", verify: "none" },
      connectTimeoutMs: 90_000,
      applicationName: "switchyard",
    });
    assert.deepEqual(parseDsn("a:b@tcp(h)/d").tls, { mode: "off", verify: "none" });
    assert.deepEqual(parseDsn("a:b@tcp(h)/d?tls=true").tls, { mode: "require", verify: "full" });
    assert.deepEqual(parseDsn("a:b@tcp(h)/d?tls=preferred").tls, {
      mode: "prefer",
      verify: "none",
    });
  });

  it("in Go's form may name a socket, an IPv6 address, or no port", () => {
    const socket = parseDsn("a:b@unix(/run/mysqld/mysqld.sock)/d");
    assert.ok(socket.engine === "mysql");
    assert.equal(socket.socketPath, "/run/mysqld/mysqld.sock");
    assert.equal(socket.database, "d");
    assert.equal(parseDsn("a:b@tcp([::1]:3306)/d").host, "::1");
    assert.equal(parseDsn("a:b@tcp(h)/d").port, 3306);
    assert.equal(parseDsn("a@tcp(h)/d").password, "");
  });

  it("may be a URL", () => {
    const target = parseDsn("mysql://a:b%40@h:3307/d?ssl-mode=verify_identity&ssl-ca=/ca.pem");
    assert.equal(target.password, "b@");
    assert.equal(target.port, 3307);
    assert.deepEqual(target.tls, { mode: "require", verify: "full", caFile: "/ca.pem" });
    assert.equal(parseDsn("mariadb://a:b@h/d").engine, "mysql");
  });
});

describe("what cannot be meant", () => {
  const secret = "s3cret-of-tests";
  const refused: Readonly<Record<string, RegExp>> = {
    [`postgres://a:${secret}@h1,h2/d`]: /lists of hosts/,
    [`postgres://a:${secret}@h/d?host=h1,h2`]: /lists of hosts/,
    [`a:${secret}@tcp(h1:3306,h2:3306)/d`]: /lists of hosts/,
    [`postgres://a:${secret}@h/d?sslmode=maybe`]: /parameter sslmode must be one of disable/,
    [`postgres://a:${secret}@h/d?servicefile=x`]: /parameter servicefile is not known/,
    [`postgres://a:${secret}@h/d?sslmode=require&sslrootcert=system`]: /needs sslmode=verify-full/,
    [`postgres://a:${secret}@h/d?target_session_attrs=standby`]: /target_session_attrs/,
    [`postgres://a:${secret}%@h/d`]: /%25/,
    [`postgres://a:${secret}#x@h/d`]: /%23|not a valid URL/,
    [`postgres://a:${secret}@h:port/d`]: /must be host:port/,
    [`a:${secret}@tcp(h)/d?tls=custom`]: /parameter tls must be/,
    [`a:${secret}@tcp(h)/d?innodb_magic=1`]: /parameter innodb_magic is not known/,
    [`a:${secret}@tcp(h)/d?timeout=soon`]: /parameter timeout must be a duration/,
    [`a:${secret}@udp(h)/d`]: /network udp/,
    [`a:${secret}@tcp(h)/`]: /database name is missing/,
    [`tcp(h)/d?x=${secret}`]: /user is missing/,
    [secret]: /neither a URL nor/,
    [`mongodb://a:${secret}@h/d`]: /scheme mongodb/,
    "sqlite:///x.db": /SQLITE_PATH/,
    [`host=h user=a password=${secret}`]: /write it as a URL/,
  };
  for (const [dsn, expected] of Object.entries(refused))
    it(`is refused: ${dsn.replace(secret, "…")}`, () => {
      assert.throws(
        () => parseDsn(dsn),
        (error: unknown) => {
          assert.ok(error instanceof DsnError);
          assert.match(error.message, expected);
          assert.ok(!String(error.stack).includes(secret));
          return true;
        },
      );
    });

  it("includes certificate files that cannot be read, told when the database is opened", async () => {
    await assert.rejects(
      openDatabase({
        dsn: "postgres://a:b@h/d?sslmode=verify-ca&sslrootcert=/not/there.pem",
        sqlitePath: "",
      }),
      /cannot read \/not\/there.pem \(ENOENT\)/,
    );
  });
});
