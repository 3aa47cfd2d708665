// graphile-worker with the preset of its own performance test, and 24 jobs at once.
import { Logger, makeWorkerUtils, run } from "graphile-worker";
import pg from "pg";

import { main } from "./adapter.mjs";

const CHUNK = 1000;
const quiet = new Logger(() => (level, message) => {
  if (level === "error" || level === "warning") console.error(message);
});
const utils = () => makeWorkerUtils({ pgPool: new pg.Pool({ max: 2 }), logger: quiet });

await main({
  async install() {
    await (await utils()).migrate();
  },
  async enqueue(jobs) {
    const { addJobs } = await utils();
    for (let at = 0; at < jobs.length; at += CHUNK) {
      await addJobs(jobs.slice(at, at + CHUNK).map((payload) => ({ identifier: "treat", payload })));
    }
  },
  async sender() {
    const { addJob } = await utils();
    return (payload) => addJob("treat", payload);
  },
  async work(handle) {
    await run({
      pgPool: new pg.Pool({ max: 25 }),
      logger: quiet,
      noHandleSignals: true,
      taskList: { treat: handle },
      preset: {
        worker: {
          concurrentJobs: 24,
          maxPoolSize: 25,
          localQueue: { size: 500, refetchDelay: { durationMs: 10 } },
          completeJobBatchDelay: 0,
          failJobBatchDelay: 0,
        },
      },
    });
  },
});
