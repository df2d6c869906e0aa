// The audit log, agents and their tokens, the overview.
import { accessible, expect, test } from "./people.mjs";
import { put, world } from "./world.mjs";

test("the log is searched, a record is read in full, and its proof can be saved", async ({ as }) => {
  const page = await as("dana");
  await page.goto("/audit");
  await expect(page.getByRole("table")).toBeVisible();
  await accessible(page, "the audit log");
  await page.getByLabel("decision").selectOption("deny");
  await page.getByLabel("agent", { exact: true }).fill("builder");
  await page.getByRole("button", { name: "Search" }).click();
  await expect(page).toHaveURL(/decision=deny/);
  await expect(page.getByRole("table")).toContainText("prices.json");
  await expect(page.getByRole("table").getByText("allow", { exact: true })).toHaveCount(0);
  await page.getByRole("table").getByRole("link").first().click();
  await expect(page.getByRole("heading", { name: "Proof" })).toBeVisible();
  await expect(page.getByLabel("How to verify")).toContainText("countersign audit verify");
  await expect(page.locator(".checks .yes"), "the browser has checked the receipt").toHaveCount(3);
  await expect(page.getByLabel("The record", { exact: true })).toContainText("policy.floor");
  await accessible(page, "a record");
  const saved = page.waitForEvent("download");
  await page.getByRole("link", { name: "Save the receipt" }).click();
  expect((await saved).suggestedFilename()).toContain(".tlog-proof");
  await page.goto("/audit?text=no-record-holds-this");
  await expect(page.getByText("No record fits")).toBeVisible();
});

test("records of people reading are out of sight until they are asked for", async ({ as }) => {
  const page = await as("dana");
  await page.goto("/audit?phase=admin");
  const table = page.getByRole("table");
  await expect(table).toContainText("person:sign-in");
  await expect(table).not.toContainText("admin:GET");
  await page.getByLabel("Show looks").check();
  await expect(page).toHaveURL(/looks=true/);
  await expect(table).toContainText("admin:GET");
  await expect(page.getByLabel("Show looks")).toBeChecked();
  await expect(page.getByLabel("phase")).toHaveValue("admin");
  await page.getByLabel("Show looks").uncheck();
  await expect(table).not.toContainText("admin:GET");
  await page.goto("/audit?action=admin%3AGET");
  await expect(table, "whoever asks for them by name gets them").toContainText("admin:GET");
});

for (const [what, change] of [
  ["the record", (proof) => proof.replace(/^extra .*$/m, `extra ${Buffer.from('{"v":1}').toString("base64")}`)],
  ["its place", (proof) => proof.replace(/^index (\d+)$/m, (_, n) => `index ${Number(n) - 1}`)],
  ["the root", (proof) => proof.replace(/\n\n(.*\n.*\n).*\n/, `\n\n$1${Buffer.alloc(32, 1).toString("base64")}\n`)],
  ["the signature", (proof) => proof.replace(/(— \S+ \S{8})\S{6}/, "$1AAAAAA")],
]) {
  test(`a receipt with ${what} changed is not taken for a proof`, async ({ as }) => {
    const page = await as("dana");
    await page.route("**/api/v1/audit/*/proof", async (route) => {
      const answer = await route.fetch();
      await route.fulfill({ response: answer, body: change(await answer.text()) });
    });
    await page.goto("/audit/3");
    await expect(page.locator(".checks .no").first()).toBeVisible();
    await expect(page.getByText("The receipt does not prove this record")).toBeVisible();
  });
}

test("a frozen agent is refused at once, and works again when it is thawed", async ({ as }) => {
  const page = await as("sam");
  await page.goto("/agents");
  await expect(page.getByRole("table")).toContainText("builder");
  await accessible(page, "the agents");
  await page.goto("/agents/spare-bot");
  await accessible(page, "an agent");
  expect((await put("staging/spare.txt", "x", world.tokens.spare)).status).toBeLessThan(300);
  await page.getByRole("button", { name: "Freeze…", exact: true }).click();
  await page.getByLabel("Reason").fill("it writes to the wrong place");
  await page.getByRole("button", { name: "Freeze it now" }).click();
  await expect(page.getByText("it writes to the wrong place")).toBeVisible();
  expect((await put("staging/spare.txt", "y", world.tokens.spare)).status).toBeGreaterThanOrEqual(400);
  await accessible(page, "a frozen agent");
  await page.getByRole("button", { name: "Unfreeze…" }).click();
  await page.getByLabel("Reason").fill("it was repaired");
  await page.getByRole("button", { name: "Unfreeze it" }).click();
  await expect(page.getByRole("button", { name: "Freeze…", exact: true })).toBeVisible();
  expect((await put("staging/spare.txt", "z", world.tokens.spare)).status).toBeLessThan(300);
});

test("the tree of tokens shows the narrowed one, and revoking the root ends both", async ({ as }) => {
  const page = await as("dana");
  await page.goto("/agents/builder");
  await expect(page.locator(".tree .tree .token")).toHaveCount(1);
  await page.goto("/agents/spare-bot");
  await page.getByRole("button", { name: /^Revoke…/ }).click();
  await page.getByLabel("Reason").fill("not needed any more");
  await page.getByRole("button", { name: "Revoke it" }).click();
  await expect(page.getByText("not needed any more")).toBeVisible();
  expect((await put("staging/spare.txt", "x", world.tokens.spare)).status).toBe(401);
});

test("the overview has a table for its chart", async ({ as }) => {
  const page = await as("dana");
  await page.goto("/overview");
  await expect(page.getByText("waiting now")).toBeVisible();
  await page.getByText("The same as a table").click();
  await expect(page.getByRole("table", { name: "Decisions over time" })).toBeVisible();
  await expect(page.getByRole("table", { name: "Approvers" })).toContainText("sam");
  await accessible(page, "the overview");
});

test("an address that does not exist says so, and the keyboard can do without a mouse", async ({ as }) => {
  const page = await as("jun");
  const answer = await page.goto("/agents/nobody-of-this-name");
  expect(answer.headers()["content-security-policy"]).toContain("require-trusted-types-for 'script'");
  await expect(page.getByRole("alert")).toContainText("agent.unknown");
  await page.goto("/");
  await expect(page.getByRole("navigation", { name: "Console" })).toBeVisible();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to the content" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(page.locator("#main")).toBeFocused();
  await page.getByRole("heading", { name: "Inbox" }).click();
  await page.keyboard.press("?");
  await expect(page.getByRole("dialog", { name: "Keyboard" })).toBeVisible();
  await accessible(page, "the help");
});

test("no other site can put the console into a frame", async ({ as }) => {
  const page = await as("jun");
  const frames = await page.goto("/").then((answer) => answer.headers());
  expect(frames["content-security-policy"]).toContain("frame-ancestors 'none'");
  expect(frames["cross-origin-opener-policy"]).toBe("same-origin");
});
