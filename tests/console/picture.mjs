// Photographs the console as it is: node picture.mjs URL FILE

import { createRequire } from "node:module";

const require = createRequire(`${process.env.CADRELAY_CONSOLE_MODULES}/`);
const { chromium } = require("playwright-core");

const [url, file] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: process.env.CADRELAY_CHROMIUM ?? "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 960 }, colorScheme: "light" });
  await page.goto(url);
  await page.locator("#list tbody tr").nth(10).waitFor();
  await page.locator("#lanes tbody tr").first().waitFor();
  // Two looks, so that the sources have a rate.
  await page.waitForTimeout(5000);
  await page.screenshot({ path: file });
} finally {
  await browser.close();
}
