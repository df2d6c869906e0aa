// One browser, one worker: the tests share a gateway and tell one story in the order of their files.
import { defineConfig } from "@playwright/test";
import { world } from "./world.mjs";

export default defineConfig({
  testDir: ".",
  testMatch: process.env.COUNTERSIGN_CONSOLE_SHOTS ? "pictures.mjs" : "*.spec.mjs",
  outputDir: process.env.COUNTERSIGN_CONSOLE_OUTPUT ?? "/tmp/countersign-console-results",
  workers: 1,
  fullyParallel: false,
  retries: 0,
  timeout: 60_000,
  expect: { timeout: 15_000 },
  reporter: [["list"]],
  use: {
    baseURL: world.base,
    viewport: { width: 1280, height: 860 },
    trace: "off",
    launchOptions: { executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"] },
  },
});
