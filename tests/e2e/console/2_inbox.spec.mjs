// The inbox and one request: reading, deciding, by keyboard, live; text that attacks.
import { accessible, expect, test } from "./people.mjs";
import { held, put, world } from "./world.mjs";

// Groups of many are folded; a filter shows all of them.
async function find(page, words) {
  await page.getByLabel("Filter the list").fill(words);
  await expect(row(page, words)).toBeVisible();
}
const row = (page, text) => page.locator("li.row").filter({ hasText: text });

test("the inbox shows what waits for me, and what came while I looked", async ({ as }) => {
  const page = await as("sam");
  await page.goto("/");
  await find(page, "production/menu.json");
  await expect(row(page, "production/menu.json")).toContainText("builder");
  await expect(row(page, "production/menu.json")).toContainText("olivia");
  await expect(page.getByText("live", { exact: true })).toBeVisible();
  await page.getByLabel("Filter the list").fill("");
  await accessible(page, "inbox");
  await page.getByLabel("Filter the list").fill("arrived-later");
  await expect(page.getByText("Nothing fits this filter")).toBeVisible();
  await held("arrived-later.json");
  await expect(row(page, "arrived-later.json")).toBeVisible();
});

test("requests of one's own agent do not wait for one, and cannot be approved", async ({ as }) => {
  const page = await as("olivia");
  await page.goto("/");
  await expect(page.getByText("Nothing waits for you")).toBeVisible();
  await page.goto(`/requests/${world.requests.own}`);
  await expect(page.getByRole("button", { name: /^Approve…/ })).toBeDisabled();
  await expect(page.getByRole("complementary", { name: "Decision" })).toContainText(/own/);
  await page.getByRole("button", { name: "Cancel my agent's request…" }).click();
  await page.getByLabel("Reason").fill("asked by mistake");
  await page.getByRole("button", { name: "Cancel the request" }).click();
  await expect(page.getByRole("complementary", { name: "Decision" })).toContainText("cancelled");
});

test("approving by keyboard: no key decides by itself, and the stored copy runs", async ({ as }) => {
  const page = await as("sam");
  await page.goto("/");
  await expect(page.locator("li.row").first()).toBeVisible();
  await page.keyboard.press("/");
  await page.keyboard.type("/menu.json");
  await expect(page.locator("li.row")).toHaveCount(1);
  await page.getByRole("heading", { name: "Inbox" }).click();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await expect(page).toHaveURL(new RegExp(world.requests.http));
  await expect(page.locator("h1")).toBeFocused();
  await expect(page.locator("h1")).toHaveText("Replace /production/menu.json on web (production) with espresso = 3 (JSON, 14 bytes).");
  await expect(page.locator(".json")).toContainText('"espresso"');
  await expect(page.getByText("through planner")).toBeVisible();
  await page.keyboard.press("a");
  const dialog = page.getByRole("dialog");
  await expect(dialog).toBeVisible();
  await expect(dialog.getByRole("textbox")).toBeFocused();
  await accessible(page, "the form of an approval");
  await page.keyboard.press("Escape");
  await expect(dialog).toBeHidden();
  await expect(page.getByRole("complementary", { name: "Decision" })).toContainText("waiting");
  await page.keyboard.press("a");
  await expect(dialog.getByRole("button", { name: "Approve as sam" })).toBeDisabled();
  await dialog.getByRole("textbox").fill("the new menu was agreed");
  await page.keyboard.press("Control+Enter");
  await expect(page.getByRole("complementary", { name: "Decision" })).toContainText("done", { timeout: 30_000 });
  await expect(page.getByRole("complementary", { name: "Decision" })).toContainText("the new menu was agreed");
});

test("denying reaches the agent with its reason", async ({ as }) => {
  const page = await as("pat");
  const id = await held("deny.json");
  await page.goto(`/requests/${id}`);
  await page.getByRole("heading", { level: 1 }).click();
  await page.keyboard.press("d");
  await page.getByRole("dialog").getByRole("textbox").fill("not during the fair");
  await page.getByRole("button", { name: "Deny as pat" }).click();
  await expect(page.getByRole("complementary", { name: "Decision" })).toContainText("denied");
  const { status, body } = await put("production/deny.json", '{"espresso":3}');
  expect(status).toBe(403);
  expect(JSON.stringify(body)).toContain("not during the fair");
});

test("hostile text is text: tool arguments, branch names, commit messages, file names", async ({ as }) => {
  const page = await as("sam");
  for (const id of [world.requests.mcp, world.requests.git]) {
    await page.goto(`/requests/${id}`);
    await expect(page.locator(".decision")).toBeVisible();
    await expect(page.locator("main")).toContainText("<script>");
    // bidi controls are named, by the console or by the gateway before it, and never left in the text
    expect(await page.evaluate(() => /[\u202a-\u202e\u2066-\u2069\u200b]/.test(document.body.innerText))).toBe(false);
    expect(await page.locator("main img, main svg:not(.icon), main script").count()).toBe(0);
    expect(await page.title()).not.toBe("owned");
    await accessible(page, "a request");
  }
  await expect(page.locator("main")).toContainText("<svg/onload=alert(1)>");
  await expect(page.locator("tr.diff-add").filter({ hasText: "2.15.0" }).locator(".sign")).toContainText("+");
  await expect(page.locator("tr.diff-remove").filter({ hasText: "2.14.0" }).locator(".sign")).toContainText("−");
});

test("what was decided meanwhile is not decided again", async ({ as }) => {
  const first = await as("sam");
  const second = await as("pat");
  for (const page of [first, second]) {
    await page.goto(`/requests/${world.requests.stale}`);
    await page.getByRole("button", { name: /^Approve…/ }).click();
    await page.getByRole("dialog").getByRole("textbox").fill("fine");
  }
  await first.getByRole("button", { name: "Approve as sam" }).click();
  await expect(first.getByRole("complementary", { name: "Decision" })).toContainText("done", { timeout: 30_000 });
  await expect(second.getByRole("dialog")).toContainText("has changed since you opened this form");
  await expect(second.getByRole("button", { name: "Approve as pat" })).toBeDisabled();
});

test("a batch is one gesture, and each request answers for itself", async ({ as }) => {
  const page = await as("sam");
  await page.goto("/");
  const group = page.getByRole("group", { name: /of one kind.*menu-bot/ });
  await group.getByRole("checkbox").first().check();
  await expect(page.getByText("4 requests chosen")).toBeVisible();
  await page.getByRole("heading", { name: "Inbox" }).click();
  await page.keyboard.press("a");
  const dialog = page.getByRole("dialog");
  await expect(dialog.getByRole("heading")).toHaveText("Approve 4 requests");
  await dialog.getByRole("textbox").fill("the four batches of the menu");
  await accessible(page, "the form of a batch");
  await dialog.getByRole("button", { name: "Approve all 4" }).click();
  await expect(dialog).toContainText("4 votes counted");
  await dialog.getByRole("button", { name: "Close" }).last().click();
  await page.goto("/?view=decided");
  await find(page, "batch-0.json");
  await expect(row(page, "batch-0.json")).toContainText(/done|running|approved/);
  await accessible(page, "decided requests");
});

test("without the server the page says so", async ({ as }) => {
  const page = await as("jun");
  await page.goto("/");
  await expect(page.getByRole("navigation", { name: "Console" })).toBeVisible();
  await page.context().setOffline(true);
  await page.getByRole("link", { name: "Agents" }).click();
  await expect(page.getByText("The server cannot be reached. What you see may be old")).toBeVisible();
  await expect(page.getByRole("alert").first()).toBeVisible();
  await page.context().setOffline(false);
  await page.getByRole("button", { name: "Try again" }).first().click();
  await expect(page.getByRole("cell", { name: "builder" })).toBeVisible();
});

test("on a phone nothing is cut off, and both buttons are at hand", async ({ as }) => {
  const page = await as("sam", { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  for (const path of ["/", `/requests/${world.requests.git}`, "/audit", "/overview", "/policies", "/agents", "/me"]) {
    await page.goto(path);
    await expect(page.locator("h1")).toBeVisible();
    await page.waitForLoadState("networkidle").catch(() => undefined);
    expect(await page.evaluate(() => document.documentElement.scrollWidth), `${path} is as wide as the screen`).toBeLessThanOrEqual(390);
  }
  await page.goto(`/requests/${world.requests.git}`);
  await expect(page.getByRole("button", { name: "Approve…" })).toBeInViewport();
  await expect(page.getByRole("button", { name: "Deny…" })).toBeInViewport();
  await accessible(page, "a request on a phone");
});

test("an edited request takes the place of the first, and its editor does not decide about it", async ({ as }) => {
  const page = await as("sam");
  const id = await held("edited.json", '{"espresso":30}');
  await page.goto(`/requests/${id}`);
  await page.getByRole("button", { name: "Edit it first…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Body").fill('{"espresso":3}');
  await dialog.getByLabel("Why?").fill("thirty was a slip");
  await accessible(page, "the form of an edit");
  await dialog.getByRole("button", { name: "Put it in its place" }).click();
  await expect(page).not.toHaveURL(new RegExp(id));
  await expect(page.getByText("edited copy by sam")).toBeVisible();
  await expect(page.getByRole("button", { name: /^Approve…/ })).toBeDisabled();
  await page.goto(`/requests/${id}`);
  await expect(page.getByRole("complementary", { name: "Decision" })).toContainText("superseded");
});
