// Getting in: invitation, password, passkey; and what does not get in.
import { accept, accessible, add_passkey, expect, sign_in, test } from "./people.mjs";
import { world } from "./world.mjs";

test("without a session there is only the sign-in page, and it names nobody", async ({ as }) => {
  const page = await as("nobody");
  await page.goto(`/requests/${world.requests.http}`);
  await expect(page.getByRole("heading", { name: "Sign in to Countersign" })).toBeFocused();
  await expect(page.locator("body")).not.toContainText("menu.json");
  await accessible(page, "sign-in");
});

test("an invitation sets a password once, and leaves the address at once", async ({ as }) => {
  const page = await as("nobody");
  const link = new URL(world.invitations.jun);
  await page.goto(link.pathname + link.hash);
  expect(new URL(page.url()).hash).toBe("");
  await page.getByLabel("New password").fill("short");
  await expect(page.getByRole("button", { name: "Set the password" })).toBeDisabled();
  await accessible(page, "invitation");
  await accept(page, "jun");
  await page.goto(link.pathname + link.hash);
  await page.getByLabel("New password").fill("another long password");
  await page.getByLabel("The same again").fill("another long password");
  await page.getByRole("button", { name: "Set the password" }).click();
  await expect(page.getByRole("alert")).toBeVisible();
});

test("a wrong password says so, and not whether the person exists", async ({ as }) => {
  const page = await as("nobody");
  await page.goto("/");
  await sign_in(page, "jun", "not the password at all");
  const known = await page.getByRole("alert").innerText();
  await sign_in(page, "nobody-of-this-name", "not the password at all");
  await expect(page.getByRole("alert")).toHaveText(known.replace(/\s+/g, " "), { useInnerText: true });
});

test("a passkey is added, signs in without a password, and is shown", async ({ as }) => {
  const page = await as("sam");
  await add_passkey(page, "sam's virtual key");
  await accessible(page, "me");
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("heading", { name: "Sign in to Countersign" })).toBeVisible();
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await expect(page.getByRole("navigation", { name: "Console" })).toBeVisible();
  await page.goto("/me");
  await expect(page.getByText("with a passkey,")).toBeVisible();
  await expect(page.getByRole("listitem").filter({ hasText: "sam's virtual key" })).toBeVisible();
});

test("the session's cookie is out of reach for scripts, and a change without the token of the page is refused", async ({ as }) => {
  const page = await as("jun");
  expect(await page.evaluate(() => document.cookie)).toBe("");
  const status = await page.evaluate(async () => (await fetch("/api/v1/sign-out", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" })).status);
  expect(status).toBe(403);
  await page.goto("/me");
  await expect(page.getByRole("heading", { name: "jun" })).toBeVisible();
});
