// Policies: writing, errors as one types, tests, changes, replay, the second person, and the way back.
import { accessible, expect, test } from "./people.mjs";
import { put } from "./world.mjs";

const kPolicy = `@id("menus-are-free")
permit (principal is Agent, action in Action::"write", resource)
when { resource.name like "production/menus/*" };
`;

const editor = (page) => page.locator(".cm-content");

test("the editor highlights Cedar, completes, and shows errors of the real validator", async ({ as }) => {
  const page = await as("olivia");
  await page.goto("/policies?file=10-reads.cedar");
  await expect(editor(page)).toContainText("reads-are-permitted");
  await expect(page.getByText("valid", { exact: true })).toBeVisible();
  await accessible(page, "the editor");
  await editor(page).click();
  await page.keyboard.press("Control+End");
  await page.keyboard.type('\nforbid (principal, action, resource) when { resource.envir');
  await page.keyboard.press("Control+Space");
  await expect(page.locator(".cm-tooltip-autocomplete")).toContainText("environment");
  await page.keyboard.press("Enter");
  await page.keyboard.type(' == 1 };');
  await expect(page.locator(".cm-lintRange-error")).toBeVisible();
  await expect(page.locator(".problems")).toContainText("10-reads.cedar");
  await expect(page.getByRole("button", { name: "Propose…" })).toBeDisabled();
  await accessible(page, "the editor with an error");
  await page.reload();
  await expect(page.locator(".problems"), "the draft is still there").toContainText("10-reads.cedar");
  await page.getByRole("button", { name: "Discard draft" }).click();
  await page.getByRole("button", { name: "Discard it" }).click();
  await expect(page.getByText("valid", { exact: true })).toBeVisible();
});

test("a draft is replayed on what was recorded, proposed, and activated by somebody else", async ({ as }) => {
  const author = await as("olivia");
  expect((await put("production/menus/before.json", "{}")).status).toBe(202);
  await author.goto("/policies");
  await author.getByRole("button", { name: "New file…" }).click();
  await author.getByLabel("Path in the policy folder").fill("60-menus.cedar");
  await author.getByRole("button", { name: "Create" }).click();
  await editor(author).click();
  await author.keyboard.insertText(kPolicy);
  await author.getByRole("button", { name: /30-production\.cedar/ }).click();
  await expect(editor(author)).toContainText("production-changes-need-approval");
  await editor(author).click();
  await author.keyboard.press("Control+End");
  await author.keyboard.insertText("\n// menus are in 60-menus.cedar\n");
  await expect(author.getByText("valid", { exact: true })).toBeVisible();
  await author.getByRole("tab", { name: /Changes/ }).click();
  await expect(author.getByRole("region", { name: "60-menus.cedar" })).toBeVisible();
  await expect(author.locator(".policy-changes")).toContainText("menus-are-free");
  await accessible(author, "the changes of a draft");
  await author.getByRole("tab", { name: "Replay" }).click();
  await author.getByRole("button", { name: "Replay", exact: true }).click();
  await expect(author.locator(".replay .tiles")).toContainText("operations");
  await accessible(author, "a replay");
  await author.getByRole("button", { name: "Propose…" }).click();
  await author.getByLabel("What changes, and why?").fill("menus may be changed without asking <script>alert(1)</script>");
  await author.getByRole("button", { name: "Propose", exact: true }).click();
  await expect(author.getByText("Another person has to activate it.")).toBeVisible();
  await expect(author.getByRole("button", { name: "Activate…" })).toHaveCount(0);
  await accessible(author, "a proposal");

  const second = await as("sam");
  await second.goto("/policies/proposals");
  await accessible(second, "the proposals");
  await second.getByRole("link", { name: /menus may be changed/ }).click();
  await second.getByRole("button", { name: "Activate…" }).click();
  await second.getByLabel("Reason").fill("read and replayed");
  await second.getByRole("button", { name: "Activate", exact: true }).click();
  await expect(second.getByText("activated", { exact: true }).first()).toBeVisible();
  await second.goto("/policies/history");
  await expect(second.locator(".timeline .now")).toContainText("menus may be changed");
  await accessible(second, "the history");
  await second.getByRole("button", { name: "Go back to this…" }).first().click();
  await second.getByLabel("Reason").fill("too wide after all");
  await second.getByRole("button", { name: "Propose going back" }).click();
  await expect(second.getByRole("heading", { name: /back to .*too wide after all/ })).toBeVisible();

  const third = await as("pat");
  await third.goto("/policies/proposals");
  await third.getByRole("link", { name: /too wide after all/ }).click();
  await third.getByRole("button", { name: "Activate…" }).click();
  await third.getByLabel("Reason").fill("back it goes");
  await third.getByRole("button", { name: "Activate", exact: true }).click();
  await expect(third.getByText("activated", { exact: true }).first()).toBeVisible();
});

test("who may only read policies is told so", async ({ as }) => {
  const page = await as("jun");
  await page.goto("/policies");
  await expect(page.getByText("changing them is for policy editors")).toBeVisible();
  await expect(page.getByRole("button", { name: "Propose…" })).toHaveCount(0);
});
