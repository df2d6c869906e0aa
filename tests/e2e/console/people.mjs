// Browsers of people, watched: whatever a page does that it must not do fails the test it happened in.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { AxeBuilder } from "@axe-core/playwright";
import { expect, test as base } from "@playwright/test";
import { world } from "./world.mjs";

export const kPassword = "four unrelated words here";

function watch(page, complaints) {
  page.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  page.on("dialog", (dialog) => {
    complaints.push(`script ran: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on("console", (message) => {
    // answers of the API are told by the page itself; what the browser blocks must not be tried at all
    if (message.type() === "error" && /Content Security Policy|TrustedHTML|Trusted Type|Refused to/.test(message.text())) complaints.push(`${page.url()}: ${message.text()} (${message.location().url})`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(world.base) && !request.url().startsWith("data:") && !request.url().startsWith("about:")) complaints.push(`asked elsewhere: ${request.url()}`);
  });
}

// A person's browser: its own cookies, and an authenticator that holds its passkeys.
async function open_browser(browser, options, complaints) {
  const context = await browser.newContext({ baseURL: world.base, viewport: { width: 1280, height: 860 }, ...options });
  const page = await context.newPage();
  watch(page, complaints);
  const devtools = await context.newCDPSession(page);
  await devtools.send("WebAuthn.enable");
  const { authenticatorId } = await devtools.send("WebAuthn.addVirtualAuthenticator", {
    options: { protocol: "ctap2", ctap2Version: "ctap2_1", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  return { context, page, devtools, authenticator: authenticatorId };
}

// What outlives a browser, and a worker: who has set a password, and what each person's authenticator holds.
const kept_in = `${process.env.COUNTERSIGN_WORLD}.people`;
const kept = existsSync(kept_in) ? JSON.parse(readFileSync(kept_in, "utf8")) : { passwords: [], credentials: {} };
const keep = () => writeFileSync(kept_in, JSON.stringify(kept));

export const test = base.extend({
  complaints: [
    async ({}, use) => {
      const complaints = [];
      await use(complaints);
      expect(complaints, "what a page must never do").toEqual([]);
    },
    { auto: true },
  ],
  /** as("sam") → a page on which sam is signed in, with sam's passkeys. */
  as: async ({ browser, complaints }, use) => {
    const opened = [];
    await use(async (person, options = {}) => {
      const made = await open_browser(browser, options, complaints);
      opened.push({ person, ...made });
      for (const credential of kept.credentials[person] ?? []) {
        await made.devtools.send("WebAuthn.addCredential", { authenticatorId: made.authenticator, credential });
      }
      if (person === "nobody") return made.page;
      await made.page.goto("/");
      if (kept.passwords.includes(person)) await sign_in(made.page, person);
      else await accept(made.page, person);
      return made.page;
    });
    for (const { person, context, devtools, authenticator } of opened) {
      const held = await devtools.send("WebAuthn.getCredentials", { authenticatorId: authenticator }).catch(() => ({ credentials: [] }));
      if (held.credentials.length > 0) kept.credentials[person] = held.credentials;
      await context.close();
    }
    keep();
  },
});

export async function accept(page, person, then = "Not now") {
  const link = new URL(world.invitations[person]);
  await page.goto(link.pathname + link.hash);
  await page.getByLabel("New password").fill(kPassword);
  await page.getByLabel("The same again").fill(kPassword);
  await page.getByRole("button", { name: "Set the password" }).click();
  await page.getByRole("button", { name: "Not now" }).waitFor();
  kept.passwords.push(person);
  keep();
  if (then === "Not now") {
    await page.getByRole("button", { name: "Not now" }).click();
    await page.getByRole("heading", { name: "Inbox" }).waitFor();
  }
}

export async function sign_in(page, person, password = kPassword) {
  await page.getByLabel("User").fill(person);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
  if (password === kPassword) await page.getByRole("navigation", { name: "Console" }).waitFor();
}

export async function add_passkey(page, name = "virtual key") {
  await page.goto("/me");
  await page.getByRole("button", { name: "Add a passkey" }).click();
  await page.getByLabel("Name of the passkey").fill(name);
  await page.getByRole("dialog").getByRole("button", { name: "Add a passkey" }).click();
  await expect(page.getByRole("listitem").filter({ hasText: name })).toBeVisible();
}

/** No violation that axe knows of, in light and in dark. */
export async function accessible(page, what) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const { violations } = await new AxeBuilder({ page }).analyze();
    const said = violations.map((one) => `${one.id}: ${one.help}\n${one.nodes.slice(0, 3).map((node) => `    ${node.target.join(" ")} ${node.failureSummary?.split("\n").slice(0, 3).join(" ")}`).join("\n")}`);
    expect(said, `${what} in ${colorScheme}`).toEqual([]);
  }
  await page.emulateMedia({ colorScheme: "light" });
}

export { expect };
