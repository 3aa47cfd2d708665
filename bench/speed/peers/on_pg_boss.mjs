// pg-boss: jobs fetched by the thousand, the next fetch at once where there were as many.
import PgBoss from "pg-boss";

import { main } from "./adapter.mjs";

const QUEUE = "treat";
const CHUNK = 1000;
const BATCH = 1000;

async function start(options = {}) {
  const boss = new PgBoss({ supervise: false, schedule: false, ...options });
  boss.on("error", console.error);
  return boss.start();
}

await main({
  async install() {
    const boss = await start();
    await boss.createQueue(QUEUE);
  },
  async enqueue(jobs) {
    const boss = await start();
    for (let at = 0; at < jobs.length; at += CHUNK) {
      await boss.insert(jobs.slice(at, at + CHUNK).map((data) => ({ name: QUEUE, data })));
    }
  },
  async sender() {
    const boss = await start();
    return (data) => boss.send(QUEUE, data);
  },
  async work(handle) {
    const boss = await start({ supervise: true });
    const id = await boss.work(QUEUE, { batchSize: BATCH, pollingIntervalSeconds: 0.5 }, async (jobs) => {
      await Promise.all(jobs.map((job) => handle(job.data)));
      if (jobs.length === BATCH) boss.notifyWorker(id);
    });
  },
});
