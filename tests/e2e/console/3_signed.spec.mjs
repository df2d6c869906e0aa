// Votes signed with a passkey, and pages that must not be tricked into signing something else.
import { createHash } from "node:crypto";
import { add_passkey, expect, test } from "./people.mjs";
import { held, put, world } from "./world.mjs";

async function open(page, id, why = "reviewed with care") {
  await page.goto(`/requests/${id}`);
  await page.getByRole("button", { name: /^Approve…/ }).click();
  await page.getByRole("dialog").getByRole("textbox").fill(why);
}

test("a rule that demands signatures counts no vote without a passkey", async ({ as }) => {
  const page = await as("pat");
  await open(page, world.requests.signed);
  await expect(page.getByRole("dialog")).toContainText("you have none here");
  await page.getByRole("button", { name: "Approve as pat" }).click();
  await expect(page.getByRole("dialog").getByRole("alert")).toContainText(/approval\.signature_required|passkey\.none/);
});

for (const [what, change] of [
  ["another fingerprint", (statement) => (statement.requests[0].fingerprint = "0".repeat(64))],
  ["another preview", (statement) => (statement.requests[0].preview_sha256 = "0".repeat(64))],
  ["another request", (statement) => (statement.requests[0].id = world.requests.signed)],
  ["the opposite decision", (statement) => (statement.decision = "deny")],
  ["one request more", (statement) => statement.requests.push({ ...statement.requests[0], id: world.requests.signed })],
]) {
  test(`a statement about ${what} than on the screen is not signed`, async ({ as }) => {
    const page = await as("sam");
    let voted = false;
    await page.route("**/api/v1/votes/challenge", async (route) => {
      const answer = await route.fetch();
      const ask = await answer.json();
      const statement = JSON.parse(ask.statement);
      change(statement);
      ask.statement = JSON.stringify(statement);
      ask.challenge = createHash("sha256").update(ask.statement).digest("base64url");
      await route.fulfill({ response: answer, json: ask });
    });
    await page.route("**/approve", (route) => {
      voted = true;
      return route.continue();
    });
    await open(page, world.requests.tampered);
    await page.getByRole("button", { name: "Approve as sam" }).click();
    await expect(page.getByRole("dialog").getByRole("alert")).toContainText("Nothing was signed");
    expect(voted).toBe(false);
  });
}

test("a challenge that is not the statement's digest is not signed", async ({ as }) => {
  const page = await as("sam");
  await page.route("**/api/v1/votes/challenge", async (route) => {
    const answer = await route.fetch();
    const ask = await answer.json();
    await route.fulfill({ response: answer, json: { ...ask, challenge: Buffer.alloc(32, 7).toString("base64url") } });
  });
  await open(page, world.requests.tampered);
  await page.getByRole("button", { name: "Approve as sam" }).click();
  await expect(page.getByRole("dialog").getByRole("alert")).toContainText("Nothing was signed");
});

test("a signed approval counts, and its signature stands in the audit log", async ({ as }) => {
  const page = await as("sam");
  await open(page, world.requests.signed);
  await page.getByRole("button", { name: "Approve as sam" }).click();
  const decision = page.getByRole("complementary", { name: "Decision" });
  await expect(decision).toContainText("done", { timeout: 30_000 });
  await expect(decision).toContainText("signed");
  await page.goto(`/audit?request=${world.requests.signed}&action=${encodeURIComponent("approval:approve")}`);
  await page.getByRole("table").getByRole("link").first().click();
  await expect(page.getByRole("heading", { name: "Signature" })).toBeVisible();
  await expect(page.getByLabel("Signed statement")).toContainText(world.requests.signed);
});

test("the same signature does not count twice", async ({ as }) => {
  const page = await as("sam");
  const again = await held("signed/again.json");
  let first;
  await page.route("**/approve", async (route) => {
    first = route.request();
    await route.continue();
  });
  await open(page, again);
  await page.getByRole("button", { name: "Approve as sam" }).click();
  await expect(page.getByRole("complementary", { name: "Decision" })).toContainText("done", { timeout: 30_000 });
  const other = await held("signed/other.json");
  const csrf = first.headers()["x-csrf-token"];
  const answer = await page.evaluate(
    async ([id, body, token]) => {
      const response = await fetch(`/api/v1/requests/${id}/approve`, { method: "POST", headers: { "Content-Type": "application/json", "X-CSRF-Token": token }, body });
      return { status: response.status, body: await response.json() };
    },
    [other, first.postData(), csrf],
  );
  expect(answer.status).toBe(403);
  expect(answer.body.code).toBe("approval.signature_invalid");
});

test("a second approver adds a passkey and signs a denial", async ({ as }) => {
  const page = await as("pat");
  await add_passkey(page, "pat's virtual key");
  await page.goto(`/requests/${world.requests.tampered}`);
  await page.getByRole("button", { name: /^Deny…/ }).click();
  await page.getByRole("dialog").getByRole("textbox").fill("somebody tampers with this one");
  await page.getByRole("button", { name: "Deny as pat" }).click();
  const decision = page.getByRole("complementary", { name: "Decision" });
  await expect(decision).toContainText("denied");
  await expect(decision).toContainText("signed");
});

test("a grant is proposed, comes into force by a signed vote, is used, and is revoked", async ({ as }) => {
  const page = await as("sam");
  const id = await held("repeat/one.json");
  await page.goto(`/requests/${id}`);
  await page.getByRole("button", { name: "Approve repeats too…" }).click();
  await page.getByRole("dialog").getByRole("checkbox").check();
  await page.getByRole("button", { name: "Propose it and approve…" }).click();
  await page.getByRole("dialog").getByRole("textbox").fill("these are generated every hour");
  await page.getByRole("button", { name: "Approve as sam" }).click();
  await expect(page.getByRole("complementary", { name: "Decision" })).toContainText("done", { timeout: 30_000 });
  expect([201, 204], "it passes without anybody being asked").toContain((await put("production/repeat/two.json", '{"n":2}')).status);
  await page.goto("/grants");
  const grant = page.locator("li.row").filter({ hasText: "production/repeat/*" });
  await expect(grant).toContainText("used 1 of 10 times");
  await grant.getByRole("button", { name: "Revoke…" }).click();
  await page.getByLabel("Reason").fill("enough of them");
  await page.getByRole("button", { name: "Revoke it now" }).click();
  await expect(page.getByText("No grant is in force")).toBeVisible();
  expect((await put("production/repeat/three.json", '{"n":3}')).status).toBe(202);
});
