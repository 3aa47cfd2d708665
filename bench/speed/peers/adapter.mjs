// What both node adapters do alike; the command line is that of adapter.py.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { setTimeout } from "node:timers/promises";
import pg from "pg";

const HANDLERS = 20; // connections that the jobs' own work has
const MODEL_VERSION = 1;
const work = new URL("../work/", import.meta.url);
const decision = JSON.parse(readFileSync(new URL("decision.json", work)));
const statements = {};

function statement(name) {
  return (statements[name] ??= { name, text: readFileSync(new URL(`${name}.sql`, work), "utf8") });
}

const execute = (client, name, values) => client.query({ ...statement(name), values });
const columns = (rows) => rows[0].map((_, column) => rows.map((row) => row[column]));
const now = () => process.hrtime.bigint();

// One job. One product: a read and one statement that writes all. Several: a transaction, rows sent as arrays.
async function treat(pool, batch, products) {
  if (products.length === 1) {
    await execute(pool, "read", [products]);
    const { code, label, confidence, level, evidence } = decision;
    const values = [batch, products[0], code, label, confidence, level, MODEL_VERSION, ...columns(evidence)];
    await execute(pool, "treat_one", values);
    return;
  }
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    await treatMany(client, batch, products);
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

async function treatMany(client, batch, asked) {
  await execute(client, "lock", [asked]);
  const products = (await execute(client, "read", [asked])).rows.map((row) => row.id);
  await execute(client, "supersede", [products]);
  const ids = (await execute(client, "reserve", [products.length])).rows.map((row) => row.nextval);
  const { code, label, confidence, level, evidence } = decision;
  const each = [code, label, confidence, level].map((value) => products.map(() => value));
  await execute(client, "insert_predictions", [ids, products, batch, ...each, MODEL_VERSION]);
  const reasons = columns(ids.flatMap((id) => evidence.map((reason) => [id, ...reason])));
  await execute(client, "insert_evidence", reasons);
  await execute(client, "mark", [products]);
  await execute(client, "count", [batch, products.length]);
}

async function readJobs() {
  const jobs = [];
  for await (const line of createInterface({ input: process.stdin })) jobs.push(JSON.parse(line));
  return jobs;
}

async function send(adapter, count, pauseSeconds) {
  const one = await adapter.sender();
  for (let number = 1; number <= count; number++) {
    const before = now();
    await one({ batch: number, products: [] });
    console.log(`sent ${number} ${before} ${now()}`);
    await setTimeout(pauseSeconds * 1000);
  }
}

export async function main(adapter) {
  const [command, count, pause] = process.argv.slice(2);
  if (command === "work") {
    const pool = new pg.Pool({ max: HANDLERS });
    process.on("SIGTERM", () => process.exit(0));
    await adapter.work(async ({ batch, products }) => {
      console.log(`started ${batch} ${now()}`);
      if (products.length) await treat(pool, batch, products);
    });
    return;
  }
  if (command === "install") await adapter.install();
  else if (command === "enqueue") await adapter.enqueue(await readJobs());
  else if (command === "send") await send(adapter, Number(count), Number(pause));
  else throw new Error(`no such command: ${command}`);
  process.exit(0);
}
