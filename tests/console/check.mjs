// Looks at the console as a person does, in a real Chromium: node check.mjs SCENARIO BASE [TOKEN]
//
// Each scenario throws if something is not as it should be. A script error, a refused resource or a
// serious finding of axe fails every scenario.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { mkdirSync } from "node:fs";

const require = createRequire(`${process.env.CADRELAY_CONSOLE_MODULES}/`);
const { chromium } = require("playwright-core");
const axe = require("axe-core");

const [scenario, base, given] = process.argv.slice(2);
const shots = process.env.CADRELAY_CONSOLE_SHOTS;

const scenarios = {
  /** Nothing has come yet. */
  async fresh(page) {
    await page.waitForFunction(() => document.querySelector("#summary").textContent.includes("Nothing has come"));
    await page.getByText("No notification has come yet").waitFor();
    await page.getByText(/^cadrelay webhook test http:.*webhooks.open --provider onshape$/u).waitFor();
  },

  /** The list is live, a row opens to its life and its body, markup stays text. */
  async live(page, run) {
    const rows = page.locator("#list tbody tr");
    await rows.first().waitFor();
    const before = await rows.count();
    await post(`live-${run}`, { note: "<img src=x onerror=alert(1)>" });
    await page.waitForFunction((count) => document.querySelectorAll("#list tbody tr").length > count, before);
    await rows.first().getByRole("button").click();
    const dialog = page.locator("dialog[open]");
    await dialog.waitFor();
    await dialog.locator("pre").waitFor();
    assert.match(await dialog.locator("pre").textContent(), /<img src=x onerror=alert\(1\)>/u);
    assert.equal(await dialog.locator("img").count(), 0);
    await dialog.getByText("Kafka has it").or(dialog.getByText("waits for Kafka").first()).first().waitFor();
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => !document.querySelector("dialog").open);
  },

  /** A search narrows the list, the address keeps it, and a shared link shows the same. */
  async search(page, run) {
    const document = `d0c-of-${run}`;
    await post(`needle-${run}`, { documentId: document });
    await page.keyboard.press("/");
    await page.keyboard.type(`needle-${run}`);
    await page.waitForFunction(() => document.querySelectorAll("#list tbody tr").length === 1);
    assert.match(page.url(), /q=needle/u);
    await page.goto(`${base}/console?document=${document}`);
    await page.waitForFunction(() => document.querySelectorAll("#list tbody tr").length === 1);
    await page.getByText(document).first().waitFor();
    // An unknown document: the page says what that means, and leads on.
    await page.goto(`${base}/console?document=nobody-knows-${run}`);
    await page.getByText("Its sender may not have sent it").waitFor();
    await page.getByRole("button", { name: "Show what was not proven" }).click();
    await page.waitForFunction(() => location.search === "?outcome=unproven");
  },

  /** Typing while answers are slow leaves no stream behind: a browser has six connections. */
  async typing(page, run) {
    await post(`typed-${run}`, {});
    await page.route(/api\/events\?/u, async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 4000));
      await route.continue();
    });
    await page.getByRole("searchbox").pressSequentially(`typed-${run}`, { delay: 350 });
    await page.waitForFunction(() => document.querySelectorAll("#list tbody tr").length === 1);
    await page.locator("#list tbody tr").first().getByRole("button").click();
    await page.locator("dialog[open] pre").waitFor();
    await page.keyboard.press("Escape");
  },

  /** Keys move, open, close and pause. */
  async keyboard(page, run) {
    await page.locator("#list tbody tr").nth(2).waitFor();
    await page.keyboard.press("p");
    assert.equal(await page.locator("#pause").getAttribute("aria-pressed"), "true");
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("k");
    assert.equal(await page.locator("#list tbody tr[aria-selected=true]").count(), 1);
    await page.keyboard.press("Enter");
    await page.locator("dialog[open]").waitFor();
    await page.keyboard.press("Escape");
    const before = await page.locator("#list tbody tr").count();
    await post(`while-paused-${run}`, {});
    await page.getByText("1 new").waitFor();
    assert.equal(await page.locator("#list tbody tr").count(), before);
    await page.keyboard.press("p");
    await page.waitForFunction((count) => document.querySelectorAll("#list tbody tr").length > count, before);
  },

  /** The sentence says that Kafka is away, what waits, and that nothing is lost. */
  async outage(page) {
    await page.waitForFunction(() => /nothing is lost/u.test(document.querySelector("#summary").textContent));
    assert.equal(await page.locator("#summary").getAttribute("data-health"), "waiting");
    await page.locator("#lanes tbody tr").filter({ hasText: "waits" }).first().waitFor();
    // One event says the same of itself.
    await page.getByRole("searchbox").fill("waiting-");
    await page.waitForFunction(() => document.querySelectorAll("#list tbody tr").length === 1);
    await page.locator("#list tbody tr").first().getByRole("button").click();
    await page.locator("dialog[open]").getByText("Kafka does not answer. The relay delivers when Kafka is back.").waitFor();
    await page.keyboard.press("Escape");
  },

  /** What was not understood is listed with its reason and can be replayed. */
  async quarantine(page, run) {
    await page.getByRole("tab", { name: "Quarantine" }).click();
    const row = page.locator("#quarantine tbody tr").first();
    await row.waitFor();
    assert.match(await row.textContent(), /no hook/u);
    await row.getByRole("button", { name: "sha256:" }).click();
    await page.locator("dialog[open]").getByText("Set assume in the settings of the source").waitFor();
    await page.locator("dialog[open] pre").waitFor();
    await page.keyboard.press("Escape");
    page.on("dialog", (dialog) => dialog.accept());
    if (run === "wide") await row.getByRole("button", { name: "Replay" }).click();
    else {
      await row.getByRole("button", { name: "sha256:" }).click();
      await page.getByRole("button", { name: "Put through the relay again" }).click();
    }
    await page.getByText("still quarantined").first().waitFor();
    await page.keyboard.press("Escape");
  },

  /** While the mouse moves over the list its rows stay; they come when it leaves, or rests. */
  async aiming(page, run) {
    const rows = page.locator("#list tbody tr");
    await rows.nth(2).waitFor();
    const before = await rows.count();
    await rows.nth(1).scrollIntoViewIfNeeded();
    const box = await rows.nth(1).boundingBox();
    const held = page.getByRole("button", { name: "Held (1 new)" });
    await page.mouse.move(box.x + 20, box.y + 5);
    await post(`aimed-${run}`, {});
    for (let at = 0; !(await held.isVisible()); at += 1) {
      assert.ok(at < 5000, "nothing was held");
      await page.mouse.move(box.x + 20 + (at % 20), box.y + 5);
    }
    assert.equal(await rows.count(), before);
    await page.mouse.move(2, 2);
    await page.waitForFunction((count) => document.querySelectorAll("#list tbody tr").length === count + 1, before);
    await page.getByRole("button", { name: "Pause", exact: true }).waitFor();
  },

  /** What was refused says what was wrong, and promises no body. */
  async refused(page) {
    await page.getByLabel("Outcome").selectOption("unproven");
    await page.waitForFunction(() => document.querySelectorAll("#list tbody tr").length === 1);
    await page.locator("#list tbody tr").first().getByRole("button").click();
    const dialog = page.locator("dialog[open]");
    await dialog.getByText("Not proven: it does not fit the secrets of the source").waitFor();
    const text = await dialog.textContent();
    assert.match(text, /Received/u);
    assert.doesNotMatch(text, /Accepted|Reading/u);
    await page.keyboard.press("Escape");
  },

  /** The window knows an id that the list has forgotten. */
  async older(page) {
    await page.getByRole("searchbox").fill("long-ago");
    await page.getByRole("button", { name: "open: committed" }).click();
    await page.locator("dialog[open]").getByText("Kafka has it").waitFor();
    await page.keyboard.press("Escape");
  },

  /** A gap is listed with what to do, and marked where a document's events are shown. */
  async gaps(page, run) {
    await page.getByRole("tab", { name: "Subscriptions" }).click();
    const row = page.getByRole("region", { name: "Gaps" }).locator("tbody tr").first();
    await row.waitFor();
    assert.match(await row.textContent(), /relay down.*2026-01-01.*List/u);
    const document = `gapped-${run}`;
    await post(`gapped-${run}`, { documentId: document });
    await page.goto(`${base}/console?document=${document}`);
    await page.locator("#gaps li").first().waitFor();
    assert.match(await page.locator("#gaps li").first().textContent(), /^Events may be missing: relay down/u);
    await page.locator("#list tbody tr").first().getByRole("button").click();
    await page.locator("dialog[open] #document-timeline li").filter({ hasText: "events may be missing" }).first().waitFor();
    await page.keyboard.press("Escape");
  },

  /** A stranger gets a form, the token opens the page. */
  async signin(page) {
    await page.getByLabel("Token").fill("wrong");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByLabel("Token").fill(given);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.locator("#sources .card").first().waitFor();
  },
};

/** Posts a notification to the open source. */
async function post(id, fields) {
  const status = await (await fetch(`${base}/api/status`)).json();
  const body = JSON.stringify({ messageId: id, event: "onshape.model.lifecycle.changed", ...fields });
  const answer = await fetch(`${status.ingest}/webhooks/open`, { method: "POST", body, headers: { "content-type": "application/json" } });
  assert.equal(answer.status, 200);
}

const browser = await chromium.launch({
  executablePath: process.env.CADRELAY_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
try {
  for (const [name, width, height, colorScheme] of [["wide", 1360, 900, "light"], ["narrow", 390, 844, "dark"]]) {
    const context = await browser.newContext({ viewport: { width, height }, colorScheme });
    context.setDefaultTimeout(90_000);
    const page = await context.newPage();
    const faults = [];
    page.on("pageerror", (error) => faults.push(`script error: ${error.message}`));
    page.on("console", (message) => {
      // A 401 is what signing in is about, a 404 what an event without its body is told.
      if (message.type() === "error" && !/status of (401|404)/u.test(message.text())) faults.push(message.text());
    });
    await page.goto(`${base}/console`);
    await scenarios[scenario](page, name);
    // Not by addScriptTag: the page's policy allows no script but its own.
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(() => window.axe.run());
    const serious = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
    assert.deepEqual(serious.map(({ id, nodes }) => `${id}: ${nodes[0].html}`), []);
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(overflow <= 0, `the page is ${overflow} pixels too wide`);
    if (shots) {
      mkdirSync(shots, { recursive: true });
      await page.screenshot({ path: `${shots}/${scenario}-${name}.png` });
    }
    assert.deepEqual(faults, []);
    await context.close();
  }
} finally {
  await browser.close();
}
