// Requests that were held together: one card, a list to read, and a decision about exactly what was on the screen.
import { readFileSync, writeFileSync } from "node:fs";
import { accessible, add_passkey, expect, test } from "./people.mjs";
import { held, world } from "./world.mjs";

const rules = readFileSync(world.approvals, "utf8");
const kTogether = rules.replace("window: 0s", "window: 30s");

const ask = (page, path) => page.evaluate(async (path) => (await fetch(path)).json(), path);
const burst_of = async (page, id) => (await ask(page, `/api/v1/requests/${id}`)).burst;
const state_of = async (page, id) => (await ask(page, `/api/v1/requests/${id}`)).state;

/** So many requests below `name`, of one burst: another kind of request lies between them and what was held before. */
async function held_together(page, name, count) {
  const ids = [];
  for (let i = 0; i < count; i++) ids.push(await held(`${name}-${i}.json`, `{"n":${i}}`));
  return { ids, burst: await burst_of(page, ids.at(-1)) };
}

test.describe.configure({ mode: "serial" });
test.beforeAll(() => writeFileSync(world.approvals, kTogether));
test.afterAll(() => writeFileSync(world.approvals, rules));

test("what came together is one card, and single ones are left out of the decision", async ({ as }) => {
  const page = await as("sam");
  // The folder is followed: the new rules run as soon as two requests are together.
  await expect(async () => {
    const first = await held(`settling/${Date.now()}.json`);
    await held(`settling/${Date.now()}-second.json`);
    expect(await burst_of(page, first)).not.toBe("");
  }).toPass({ timeout: 30_000, intervals: [500] });
  const { ids, burst } = await held_together(page, "together", 5);
  await page.goto("/");
  await page.getByLabel("Filter the list").fill(burst);
  const card = page.locator("li.row.burst");
  await expect(card).toHaveCount(1);
  await expect(card).toContainText(/\d+ changes by agent builder on web/);
  await expect(card).toContainText(/\d+ write/);
  await expect(card.getByRole("checkbox")).toHaveCount(0);
  await page.getByLabel("Filter the list").fill("");
  await accessible(page, "an inbox with a burst");
  await card.filter({ hasText: "builder" }).getByRole("link").first().click();
  await expect(page).toHaveURL(new RegExp(`/bursts/${burst}`));
  await expect(page.locator("h1")).toContainText("changes by agent builder on web");
  const member = (id) => page.locator(`li.member[data-id="${id}"]`);
  for (const id of ids) await expect(member(id).getByRole("checkbox")).toBeChecked();
  await accessible(page, "the page of a burst");
  await member(ids[0]).getByRole("button", { name: "What is sent" }).click();
  await expect(member(ids[0]).locator(".json")).toContainText('"n"');

  // One is left out; another one joins, and is not chosen.
  await page.getByRole("button", { name: "Choose none" }).click();
  for (const id of ids.slice(0, 4)) await member(id).getByRole("checkbox").check();
  const late = await held("together-late.json");
  await expect(page.getByText("joined after you opened this page")).toBeVisible();
  await expect(member(late).getByRole("checkbox")).not.toBeChecked();
  await expect(page.getByRole("complementary", { name: "Decision" })).toContainText("4 of");
  await page.keyboard.press("a");
  const dialog = page.getByRole("dialog");
  await expect(dialog).toContainText("Approve 4 requests");
  await expect(dialog.locator(".batch-list > li")).toHaveCount(4);
  await accessible(page, "the form of an approval of a burst");
  await expect(dialog.getByRole("button", { name: "Approve 4 requests as sam" })).toBeDisabled();
  await dialog.getByRole("textbox").fill("agreed in the change meeting");
  await page.keyboard.press("Control+Enter");
  await expect(dialog).toBeHidden();
  for (const id of ids.slice(0, 4)) await expect(member(id)).toContainText("done", { timeout: 30_000 });
  for (const id of [ids[4], late]) expect(await state_of(page, id)).toBe("held");
  await page.goto(`/requests/${late}`);
  await page.getByRole("link", { name: "all of them in one list" }).click();
  await expect(member(late).getByRole("checkbox")).toBeChecked();
});

test("a list that is not what would run is not decided", async ({ as }) => {
  const page = await as("sam");
  const { ids, burst } = await held_together(page, "other", 3);
  await page.route(`**/api/v1/bursts/${burst}`, async (route) => {
    const answer = await route.fetch();
    const said = await answer.json();
    said.requests.find((request) => request.id === ids[1]).fingerprint = "0".repeat(64);
    await route.fulfill({ response: answer, json: said });
  });
  await page.goto(`/bursts/${burst}`);
  await page.getByRole("button", { name: /^Approve \d+…/ }).click();
  await page.getByRole("dialog").getByRole("textbox").fill("as planned");
  const sign = page.getByRole("dialog").getByRole("checkbox", { name: /Sign it/ });
  if (await sign.count()) await sign.uncheck();
  await page.getByRole("button", { name: /^Approve \d+ requests as sam/ }).click();
  await expect(page.getByRole("dialog").getByRole("alert")).toContainText("approval.changed");
  for (const id of ids) expect(await state_of(page, id)).toBe("held");
});

test("one signature for the list, and none for another list", async ({ as }) => {
  const page = await as("sam");
  if ((await ask(page, "/api/v1/session")).passkeys.length === 0) await add_passkey(page);
  const { ids, burst } = await held_together(page, "signed/together", 3);
  let changes = true;
  await page.route("**/api/v1/votes/challenge", async (route) => {
    const answer = await route.fetch();
    const asked = await answer.json();
    if (changes) {
      const statement = JSON.parse(asked.statement);
      statement.requests[1].fingerprint = "0".repeat(64);
      asked.statement = JSON.stringify(statement);
    }
    await route.fulfill({ response: answer, json: asked });
  });
  await page.goto(`/bursts/${burst}`);
  await expect(page.getByText("Votes here must be signed with a passkey")).toBeVisible();
  await page.getByRole("button", { name: /^Approve 3…/ }).click();
  await page.getByRole("dialog").getByRole("textbox").fill("the contract was agreed");
  await page.getByRole("button", { name: "Approve 3 requests as sam" }).click();
  await expect(page.getByRole("dialog").getByRole("alert")).toContainText("Nothing was signed");
  for (const id of ids) expect(await state_of(page, id)).toBe("held");
  changes = false;
  await page.getByRole("button", { name: "Approve 3 requests as sam" }).click();
  await expect(page.getByRole("dialog")).toBeHidden();
  for (const id of ids) await expect(page.locator(`li.member[data-id="${id}"]`)).toContainText("done", { timeout: 30_000 });
  const request = await ask(page, `/api/v1/requests/${ids[0]}`);
  expect(request.votes[0].signed).toBe(true);
});
