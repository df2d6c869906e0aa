// The pictures of docs/console.md, from a real gateway: COUNTERSIGN_CONSOLE_SHOTS=docs/images python3 tests/e2e/test_console.py
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { add_passkey, expect, test } from "./people.mjs";
import { held, put, world } from "./world.mjs";

const folder = process.env.COUNTERSIGN_CONSOLE_SHOTS;
const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };

async function picture(page, name, { path, act, dark } = {}) {
  await page.emulateMedia({ colorScheme: dark ? "dark" : "light", reducedMotion: "reduce" });
  if (path) await page.goto(path);
  await expect(page.locator("h1")).toBeVisible();
  await page.waitForTimeout(700);
  if (act) await act();
  await page.waitForTimeout(400);
  await page.evaluate(() => document.activeElement instanceof HTMLElement && document.activeElement.matches("h1") && document.activeElement.blur());
  await page.screenshot({ path: join(folder, `console-${name}.png`) });
}

test("pictures", async ({ as }) => {
  test.setTimeout(300_000);
  const nobody = await as("nobody");
  await picture(nobody, "sign-in", { path: "/sign-in" });
  await as("olivia");
  const sam = await as("sam");
  await add_passkey(sam, "laptop");
  await picture(sam, "me", { path: "/me" });
  for (let i = 0; i < 40; i++) {
    await put(`staging/log-${i % 7}.txt`, `line ${i}`);
    if (i % 9 === 0) await fetch(`${world.agents}/web/production/prices.json`, { method: "DELETE", headers: { Authorization: `Bearer ${world.tokens.builder}` } });
  }
  await held("signed/price-list.json", '{"espresso":3.2,"tea":2.5}');
  await picture(sam, "inbox", { path: "/" });
  await picture(sam, "inbox-dark", { path: "/", dark: true });
  await picture(sam, "request", { path: `/requests/${world.requests.git}` });
  await picture(sam, "request-dark", { path: `/requests/${world.requests.git}`, dark: true, act: () => sam.locator(".diff-view").first().evaluate((element) => element.scrollIntoView()) });
  await picture(sam, "request-hostile", { path: `/requests/${world.requests.mcp}` });
  await picture(sam, "approve", { path: `/requests/${world.requests.signed}`, act: async () => { await sam.getByRole("button", { name: /^Approve…/ }).click(); await sam.getByRole("dialog").getByRole("textbox").fill("The new prices were agreed in OPS-2231."); } });
  await sam.getByRole("button", { name: "Approve as sam" }).click();
  await expect(sam.getByRole("complementary", { name: "Decision" })).toContainText("done", { timeout: 30_000 });
  await picture(sam, "grants", { path: `/requests/${world.requests.batch[0]}`, act: async () => {
    await sam.getByRole("button", { name: "Approve repeats too…" }).click();
    await sam.getByRole("dialog").getByRole("checkbox").check();
    await sam.getByRole("button", { name: "Propose it and approve…" }).click();
    await sam.getByRole("dialog").getByRole("textbox").fill("the menu is generated every hour");
    await sam.getByRole("button", { name: "Approve as sam" }).click();
    await expect(sam.getByRole("complementary", { name: "Decision" })).toContainText("done", { timeout: 30_000 });
    await sam.goto("/grants");
    await expect(sam.locator("li.row")).toHaveCount(1);
  } });
  await picture(sam, "decided", { path: "/?view=decided" });
  await picture(sam, "batch", { path: "/", act: async () => { await sam.locator(".group-head input").first().check(); await sam.getByRole("button", { name: "Approve…" }).click(); await expect(sam.locator(".batch-list")).toBeVisible(); } });
  await picture(sam, "policies", { path: "/policies?file=30-production.cedar", act: async () => {
    const text = sam.locator(".cm-content");
    await text.click();
    await sam.keyboard.press("Control+End");
    await sam.keyboard.insertText('\n@id("menus-are-free")\npermit (principal is Agent, action in Action::"write", resource)\nwhen { resource.nane like "production/menu*" };\n');
    await expect(sam.locator(".cm-lintRange-error")).toBeVisible();
  } });
  await picture(sam, "policies-replay", { act: async () => {
    const text = sam.locator(".cm-content");
    await text.click();
    await sam.keyboard.press("Control+a");
    await sam.keyboard.press("Delete");
    await sam.keyboard.insertText("// Production: writing and running things is possible, but held until people have approved it.\n//\n// A forbid with @approval(\"name\") holds a request instead of refusing it; approvals.yaml says who must agree for that\n// name. Other Cedar tools read the same line as a plain forbid, which is the safe side. The permit says what may be\n// approved at all: with no permit, nothing is ever held.\n\n@id(\"changes-on-production-are-permitted-once-approved\")\npermit (\n  principal is Agent,\n  action in [Action::\"write\", Action::\"execute\"],\n  resource\n)\nwhen { resource.environment == \"production\" };\n\n@id(\"production-changes-need-approval\")\n@approval(\"production-change\")\n@reason(\"changes to production are approved by the team that runs it\")\nforbid (\n  principal is Agent,\n  action in Action::\"change\",\n  resource\n)\nwhen { resource.environment == \"production\" && !(resource.name like \"production/batch-*\") };\n\n// Tier 0 is what the business stops without; somebody has to label it so. Both rules must be satisfied there.\n@id(\"tier-0-changes-need-a-senior-second\")\n@approval(\"tier-0-change\")\n@reason(\"tier 0 needs a second, more senior approval\")\nforbid (\n  principal is Agent,\n  action in Action::\"change\",\n  resource\n)\nwhen { resource.environment == \"production\" && resource.tier == 0 };\n");
    await expect(sam.getByText("valid", { exact: true })).toBeVisible();
    await sam.getByRole("tab", { name: "Replay" }).click();
    await sam.getByRole("button", { name: "Replay", exact: true }).click();
    await expect(sam.locator(".replay .tiles")).toBeVisible({ timeout: 30_000 });
  } });
  await picture(sam, "policies-changes", { act: () => sam.getByRole("tab", { name: /Changes/ }).click() });
  await sam.getByRole("button", { name: "Propose…" }).click();
  await sam.getByLabel("What changes, and why?").fill("Generated menus need no approval: none was denied in a month");
  await sam.getByRole("button", { name: "Propose", exact: true }).click();
  await expect(sam.getByText("Another person has to activate it.")).toBeVisible();
  const olivia = await as("olivia");
  await olivia.goto("/policies/proposals");
  await olivia.getByRole("link", { name: /Generated menus/ }).click();
  await picture(olivia, "proposal", {});
  await olivia.getByRole("button", { name: "Activate…" }).click();
  await olivia.getByLabel("Reason").fill("read and replayed");
  await olivia.getByRole("button", { name: "Activate", exact: true }).click();
  await expect(olivia.getByText("activated", { exact: true }).first()).toBeVisible();
  await picture(olivia, "policies-history", { path: "/policies/history" });
  await picture(sam, "audit", { path: "/audit" });
  await picture(sam, "record", { path: `/audit?request=${world.requests.signed}&action=approval%3Aapprove`, act: async () => { await sam.getByRole("table").getByRole("link").first().click(); await sam.getByRole("heading", { name: "Signature" }).scrollIntoViewIfNeeded(); } });
  await picture(sam, "agents", { path: "/agents" });
  await picture(sam, "agent", { path: "/agents/builder" });
  await picture(sam, "overview", { path: "/overview" });
  await picture(sam, "overview-dark", { path: "/overview", dark: true });
  // Emergencies: one is asked for, signed by two, used, and still open; then closed and waiting for its review.
  await put("production/prices-draft.json", "{}");
  await sam.goto("/emergencies");
  await sam.getByRole("combobox", { name: "Agent" }).selectOption("builder");
  await sam.getByRole("checkbox", { name: "web" }).check();
  await sam.getByRole("checkbox", { name: /^write/ }).check();
  await sam.getByRole("checkbox", { name: "production" }).check();
  await sam.getByLabel("What is burning?").fill("checkout sells espresso for 0.03 instead of 3.00; the price list must be put back before the morning");
  await picture(sam, "emergencies-ask", { act: () => sam.getByRole("heading", { name: "Break the glass" }).scrollIntoViewIfNeeded() });
  await sam.getByRole("button", { name: "Ask people to sign it" }).click();
  await expect(sam).toHaveURL(/\/requests\//);
  const glass = new URL(sam.url()).pathname;
  const pat = await as("pat");
  await add_passkey(pat, "blue key");
  for (const [page, person] of [[sam, "sam"], [pat, "pat"]]) {
    if (person === "pat") await picture(page, "emergencies-request", { path: glass });
    await page.goto(glass);
    await page.getByRole("button", { name: /^Approve…/ }).click();
    await page.getByRole("dialog").getByRole("textbox").fill("seen on the till; it burns");
    await page.getByRole("button", { name: `Approve as ${person}` }).click();
    await expect(page.getByRole("dialog")).toBeHidden();
  }
  await put("production/prices-now.json", '{"espresso":3}');
  await put("production/prices-now.json", '{"espresso":3.0}');
  await picture(pat, "emergencies", { path: "/emergencies" });
  const pocket = await as("pat", phone);
  await picture(pocket, "emergencies-phone", { path: "/emergencies" });
  await pat.getByRole("button", { name: /^Close… what is open/ }).click();
  await pat.getByLabel("Reason").fill("the prices are right again");
  await pat.getByRole("button", { name: "Close it now" }).click();
  await expect(pat.getByText("No glass is broken")).toBeVisible();
  const jun = await as("jun");
  await picture(jun, "emergencies-review", { path: "/emergencies" });
  const dana = await as("dana");
  await picture(dana, "people", { path: "/people" });
  await picture(dana, "people-reset", { act: () => dana.getByRole("button", { name: "Reset… jun" }).click() });
  const danas = await as("dana", phone);
  await picture(danas, "people-phone", { path: "/people" });
  const small = await as("sam", phone);
  await picture(small, "inbox-phone", { path: "/" });
  await picture(small, "request-phone", { path: `/requests/${world.requests.git}` });
});

test("picture of what was held together", async ({ as }) => {
  test.setTimeout(120_000);
  writeFileSync(world.approvals, readFileSync(world.approvals, "utf8").replace("window: 0s", "window: 30s"));
  const sam = await as("sam");
  const burst_of = (id) => sam.evaluate(async (id) => (await (await fetch(`/api/v1/requests/${id}`)).json()).burst, id);
  await expect(async () => {
    const first = await held(`settling/${Date.now()}.json`, "{}", world.tokens.spare);
    await held(`settling/${Date.now()}-second.json`, "{}", world.tokens.spare);
    expect(await burst_of(first)).not.toBe("");
  }).toPass({ timeout: 30_000, intervals: [500] });
  for (const [name, price] of [["espresso", 3.2], ["tea", 2.5], ["cortado", 3.6], ["filter", 2.9], ["cocoa", 3.1], ["water", 1.2], ["cake", 4.4]]) {
    await held(`prices/${name}.json`, JSON.stringify({ name, price }));
  }
  let last = "";
  for (const job of ["publish-prices", "print-labels"]) {
    const answer = await fetch(`${world.agents}/web/production/jobs/${job}`, { method: "POST", headers: { Authorization: `Bearer ${world.tokens.builder}`, "Content-Type": "application/json" }, body: "{}" });
    last = (await answer.json()).request;
  }
  const burst = await burst_of(last);
  await picture(sam, "burst", { path: `/bursts/${burst}` });
});
