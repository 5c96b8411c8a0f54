/** What callers name by URL is fetched only from where it may be, however the address is written or moves. */
import assert from "node:assert/strict";
import { type RequestListener, createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { makeCertificate } from "../../test/engines/tls-certificate.ts";
import { type Clock, systemClock } from "../core/clock.ts";
import { type FetchPublicParts, type FetchWish, makeFetchPublic } from "./fetch-public.ts";
import type { Resolve } from "./resolve-name.ts";

interface Site {
  readonly port: number;
  readonly urls: readonly string[];
  readonly hosts: readonly string[];
}

async function openSite(t: TestContext, listener: RequestListener): Promise<Site> {
  const urls: string[] = [];
  const hosts: string[] = [];
  const server = createServer((request, response) => {
    urls.push(request.url ?? "");
    hosts.push(request.headers.host ?? "");
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, urls, hosts };
}

const never = new AbortController().signal;

function fetcher(parts: Partial<FetchPublicParts> = {}) {
  const resolve: Resolve = () => Promise.resolve([]);
  const fetchPublic = makeFetchPublic({ clock: systemClock, allowedRanges: [], resolve, ...parts });
  return (url: string, wish: Partial<FetchWish> = {}) =>
    fetchPublic({ url, maxBytes: 1000, take: () => true, signal: never, ...wish });
}

const png: RequestListener = (_request, response) =>
  void response.writeHead(200, { "content-type": "image/png" }).end("bytes");

const local = { allowedRanges: ["127.0.0.1"] };

/** The ways in which URLs can write one IPv4 address. */
function spellings([a, b, c, d]: readonly number[]): string[] {
  const [one = 0, two = 0, three = 0, four = 0] = [a, b, c, d];
  const number = ((one << 24) | (two << 16) | (three << 8) | four) >>> 0;
  const hex = (value: number): string => `0x${value.toString(16)}`;
  const octal = (value: number): string => `0${value.toString(8)}`;
  const parts = [one, two, three, four];
  const dotted = parts.join(".");
  const words = `${((one << 8) | two).toString(16)}:${((three << 8) | four).toString(16)}`;
  return [
    dotted,
    `${dotted}.`,
    String(number),
    hex(number),
    octal(number),
    parts.map(hex).join("."),
    parts.map(octal).join("."),
    `${one}.${hex(two)}.${octal(three)}.${four}`,
    `${one}.${(two << 16) | (three << 8) | four}`,
    `${one}.${two}.${(three << 8) | four}`,
    `0x0000000${number.toString(16).padStart(8, "0")}`,
    dotted.replaceAll(".", "%2e"),
    dotted.replaceAll(".", "\u3002"),
    [...dotted]
      .map((sign) =>
        sign === "." ? sign : String.fromCodePoint(0xfee0 + (sign.codePointAt(0) ?? 0)),
      )
      .join(""),
    `[::ffff:${dotted}]`,
    `[::ffff:${words}]`,
    `[0:0:0:0:0:FFFF:${words}]`,
    `[::${dotted}]`,
    `[64:ff9b::${dotted}]`,
    `[2002:${words}::1]`,
  ];
}

const byte = fc.integer({ min: 0, max: 255 });

test("no spelling of an inner address is connected to", async (t) => {
  const site = await openSite(t, png);
  const fetchIt = fetcher({ resolve: () => Promise.reject(new Error("asked for a name")) });
  const inner = [
    [127, 0, 0, 1],
    [0, 0, 0, 0],
    [10, 1, 2, 3],
    [169, 254, 169, 254],
    [192, 168, 0, 1],
    [100, 64, 0, 1],
    [172, 16, 5, 5],
    [198, 18, 0, 1],
    [203, 0, 113, 9],
    [255, 255, 255, 255],
  ];
  for (const address of inner)
    for (const host of spellings(address))
      for (const scheme of ["http", "https"]) {
        const got = await fetchIt(`${scheme}://${host}/a.png`);
        assert.deepEqual(got, { kind: "refused", reason: "host" }, `${scheme}://${host}`);
      }
  for (const host of spellings([127, 0, 0, 1])) {
    const got = await fetchIt(`http://${host}:${site.port}/a.png`);
    assert.deepEqual(got, { kind: "refused", reason: "port" }, host);
  }
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(10, 127, 0, 224, 250),
      byte,
      byte,
      byte,
      async (...address) => {
        for (const host of spellings(address)) {
          const got = await fetchIt(`http://${host}/`);
          assert.equal(got.kind === "refused" && got.reason, "host", host);
        }
      },
    ),
    { numRuns: 100 },
  );
  assert.deepEqual(site.urls, []);
});

test("URLs of other kinds, with credentials, or on other ports are refused", async (t) => {
  const site = await openSite(t, png);
  const resolve: Resolve = () => Promise.resolve(["127.0.0.1"]);
  const reasons = async (url: string, ranges: readonly string[] = []): Promise<string> => {
    const got = await fetcher({ resolve, allowedRanges: ranges })(url);
    return got.kind === "refused" ? got.reason : got.kind;
  };
  for (const url of [
    "ftp://x/a",
    "file:///etc/passwd",
    "data:,x",
    "//x/a",
    "x",
    "",
    "http://",
    "gs://b/o",
  ])
    assert.equal(await reasons(url), "url", url);
  assert.equal(await reasons("http://[fe80::1%25lo]/"), "url");
  assert.equal(await reasons("http://me:pass@x.test/"), "credentials");
  assert.equal(await reasons("http://me@x.test/"), "credentials");
  assert.equal(await reasons("http://x.test:22/"), "port");
  assert.equal(await reasons(`http://x.test:${site.port}/`), "port");
  assert.equal(await reasons(`http://x.test:${site.port}/`, ["127.0.0.0/8"]), "file");
  assert.equal(await reasons(`http://x.test:${site.port}/`, ["10.0.0.0/8"]), "port");
  assert.deepEqual(site.urls, ["/"]);
});

test("metadata addresses are out of reach even where a range allows them", async () => {
  for (const host of [
    "169.254.169.254",
    "[fd00:ec2::254]",
    "[::ffff:169.254.169.254]",
    "100.100.100.200",
  ]) {
    const got = await fetcher({ allowedRanges: ["0.0.0.0/0", "::/0"] })(`http://${host}/latest`);
    assert.deepEqual(got, { kind: "refused", reason: "host" }, host);
  }
});

test("what was judged is what is connected to, though the name moves", async (t) => {
  const site = await openSite(t, png);
  const answers = [["127.0.0.1"], ["169.254.169.254"], ["10.0.0.1"]];
  const asked: string[] = [];
  const resolve: Resolve = (name) => {
    asked.push(name);
    return Promise.resolve(answers.shift() ?? []);
  };
  const fetchIt = fetcher({ ...local, resolve });
  const got = await fetchIt(`http://rebind.test:${site.port}/a.png?x=1#y`);
  assert.equal(got.kind === "file" && got.body.toString(), "bytes");
  assert.deepEqual([asked, site.urls], [["rebind.test"], ["/a.png?x=1"]]);
  assert.deepEqual(site.hosts, [`rebind.test:${site.port}`]);
  const moved = await fetchIt("http://rebind.test/a.png");
  assert.deepEqual(moved, { kind: "refused", reason: "host" });
});

test("one inner address among a name's spoils it", async (t) => {
  const site = await openSite(t, png);
  const mixed: readonly (readonly string[])[] = [
    ["127.0.0.1", "10.0.0.1"],
    ["10.0.0.1", "127.0.0.1"],
    ["127.0.0.1", "fe80::1"],
    ["8.8.8.8", "::1"],
    [],
  ];
  for (const addresses of mixed) {
    const fetchIt = fetcher({ ...local, resolve: () => Promise.resolve(addresses) });
    assert.deepEqual(await fetchIt("http://mixed.test/"), { kind: "refused", reason: "host" });
  }
  assert.deepEqual(site.urls, []);
});

test("each redirect is judged anew, and there are not many", async (t) => {
  const site = await openSite(t, (request, response) => {
    const to = new URL(request.url ?? "", "http://x").searchParams.get("to");
    if (to === null) return png(request, response);
    const left = Number(to);
    const location = Number.isNaN(left) ? to : left === 0 ? "/done" : `/?to=${left - 1}`;
    response.writeHead([301, 302, 303, 307, 308][left % 5] ?? 302, { location }).end("moved");
  });
  const base = `http://127.0.0.1:${site.port}`;
  const fetchIt = fetcher({
    ...local,
    resolve: (name) => Promise.resolve(name === "inner.test" ? ["10.0.0.1"] : []),
  });
  const via = async (to: string): Promise<string> => {
    const got = await fetchIt(`${base}/?to=${encodeURIComponent(to)}`);
    return got.kind === "refused" ? got.reason : got.body.toString();
  };
  assert.equal(await via("0"), "bytes");
  assert.equal(await via("2"), "bytes");
  assert.equal(await via("3"), "redirects");
  assert.equal(await via("http://10.0.0.1/"), "host");
  assert.equal(await via("http://169.254.169.254/latest/meta-data"), "host");
  assert.equal(await via("http://inner.test/"), "host");
  assert.equal(await via("//[::1]/"), "host");
  assert.equal(await via("file:///etc/passwd"), "url");
  assert.equal(await via("http://me:secret@127.0.0.1/"), "credentials");
  assert.equal(await via("http://[broken"), "url");
  assert.equal(await via(`http://127.0.0.1:${site.port}/there`), "bytes");
});

test("what is too large is not read to its end, told or not", async (t) => {
  const left: string[] = [];
  const site = await openSite(t, (request, response) => {
    response.on("close", () => void (response.writableFinished || left.push(request.url ?? "")));
    if (request.url === "/told") response.writeHead(200, { "content-length": "5000" });
    // Endless, as far as anybody reads.
    const write = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(300)));
    };
    response.on("drain", write);
    write();
  });
  const base = `http://127.0.0.1:${site.port}`;
  let taken = 0;
  const take = (bytes: number): boolean => (taken += bytes) > 0;
  assert.deepEqual(await fetcher(local)(`${base}/told`, { take }), {
    kind: "refused",
    reason: "size",
  });
  assert.equal(taken, 0);
  assert.deepEqual(await fetcher(local)(`${base}/`, { take }), { kind: "refused", reason: "size" });
  const none = { take: () => false, maxBytes: 1e9 };
  assert.deepEqual(await fetcher(local)(`${base}/`, none), { kind: "refused", reason: "budget" });
  assert.equal(site.urls.length, 3);
  const deadline = performance.now() + 5000;
  while (left.length < 3 && performance.now() < deadline)
    await new Promise((wake) => setTimeout(wake, 2));
  assert.equal(left.length, 3);
});

test("whoever is slow, silent or gone ends it", async (t) => {
  const site = await openSite(t, (request, response) => {
    if (request.url !== "/silent") response.writeHead(200).write("a");
  });
  const base = `http://127.0.0.1:${site.port}`;
  let waitedMs = 0;
  let fire: (() => void) | undefined;
  const clock: Clock = {
    ...systemClock,
    after: (delayMs, run) => {
      waitedMs = delayMs;
      fire = run;
      return () => (fire = undefined);
    },
  };
  for (const path of ["/silent", "/drip"]) {
    const running = fetcher({ ...local, clock })(base + path, {
      take: () => {
        fire?.();
        return true;
      },
    });
    if (path === "/silent") {
      const deadline = performance.now() + 5000;
      while (!site.urls.includes(path) && performance.now() < deadline)
        await new Promise((wake) => setTimeout(wake, 2));
      fire?.();
    }
    assert.deepEqual(await running, { kind: "refused", reason: "slow" }, path);
    assert.deepEqual([waitedMs, fire], [10_000, undefined]);
  }
  const gone = new AbortController();
  const left = fetcher(local)(`${base}/drip`, {
    signal: gone.signal,
    take: () => {
      gone.abort();
      return true;
    },
  });
  assert.deepEqual(await left, { kind: "refused", reason: "gone" });
  const before = await fetcher(local)(`${base}/drip`, { signal: gone.signal });
  assert.deepEqual(before, { kind: "refused", reason: "gone" });
});

test("answers other than a plain 200 are no files, and a stranger's port tells nothing", async (t) => {
  const site = await openSite(t, (request, response) => {
    const { url = "" } = request;
    if (url === "/packed")
      return void response.writeHead(200, { "content-encoding": "gzip" }).end("x");
    if (url === "/cut") {
      response.writeHead(200, { "content-length": "50" }).write("x");
      return void setImmediate(() => response.destroy());
    }
    response.writeHead(Number(url.slice(1)), { "content-type": "image/png" }).end("no");
  });
  const base = `http://127.0.0.1:${site.port}`;
  for (const status of [201, 204, 206, 304, 400, 401, 404, 500])
    assert.deepEqual(await fetcher(local)(`${base}/${status}`), {
      kind: "refused",
      reason: "status",
      status,
    });
  assert.deepEqual(await fetcher(local)(`${base}/packed`), { kind: "refused", reason: "encoding" });
  assert.deepEqual(await fetcher(local)(`${base}/cut`), { kind: "refused", reason: "host" });
  const closed = createServer();
  await new Promise<void>((resolve) => closed.listen(0, "127.0.0.1", resolve));
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  const nobody = await fetcher(local)(`http://127.0.0.1:${port}/`);
  assert.deepEqual(nobody, { kind: "refused", reason: "host" });
});

test("over TLS the name is told, and a certificate of nobody's trust is no answer", async (t) => {
  const { key, cert } = makeCertificate({ names: ["files.test"] });
  const names: string[] = [];
  const paths: string[] = [];
  const server = createTlsServer(
    {
      key,
      cert,
      SNICallback: (name, done) => {
        names.push(name);
        done(null);
      },
    },
    (request, response) => {
      paths.push(request.url ?? "");
      response.end();
    },
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const fetchIt = fetcher({ ...local, resolve: () => Promise.resolve(["127.0.0.1"]) });
  const got = await fetchIt(`https://files.test:${port}/a.png`);
  assert.deepEqual(got, { kind: "refused", reason: "host" });
  assert.deepEqual([names, paths], [["files.test"], []]);
});
