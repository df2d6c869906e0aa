// Breaking a glass, from asking to the review; and people's accounts.
import { accessible, add_passkey, expect, sign_in, test } from "./people.mjs";
import { put } from "./world.mjs";

const kWhy = "checkout sells at the wrong price";

async function with_passkey(page) {
  await page.goto("/me");
  await page.getByRole("heading", { name: "Passkeys" }).waitFor();
  if (await page.getByText("You have no passkey").isVisible()) await add_passkey(page, "a key for emergencies");
}

async function sign(page, person, id) {
  await page.goto(`/requests/${id}`);
  await page.getByRole("button", { name: /^Approve…/ }).click();
  await page.getByRole("dialog").getByRole("textbox").fill("it burns, I have looked");
  await page.getByRole("button", { name: `Approve as ${person}` }).click();
  await expect(page.getByRole("dialog")).toBeHidden();
}

const emergency = (page) => page.locator("li.emergency").filter({ hasText: kWhy });

test("without rules for it the page says that break-glass is off, and where it is configured", async ({ as }) => {
  const page = await as("sam");
  await page.route("**/api/v1/break-glass", async (route) => {
    const answer = await route.fetch();
    await route.fulfill({ response: answer, json: { ...(await answer.json()), rules: null } });
  });
  await page.getByRole("link", { name: "Break glass" }).click();
  await expect(page.getByText("Break-glass is not configured")).toBeVisible();
  await expect(page.getByRole("main")).toContainText("approvals.yaml");
  await expect(page.getByRole("button", { name: "Ask people to sign it" })).toHaveCount(0);
  await accessible(page, "break-glass that is off");
});

test("a glass is broken with two keys, is used, is closed, and is reviewed by somebody else", async ({ as }) => {
  test.setTimeout(240_000);
  const sam = await as("sam");
  await with_passkey(sam);
  expect((await put("production/glass-before.json", "{}")).status, "before: held").toBe(202);

  await sam.goto("/emergencies");
  await expect(sam.getByText("No glass is broken")).toBeVisible();
  const ask = sam.getByRole("button", { name: "Ask people to sign it" });
  await expect(ask).toBeDisabled();
  await sam.getByRole("combobox", { name: "Agent" }).selectOption("builder");
  await sam.getByRole("checkbox", { name: "web" }).check();
  await sam.getByRole("checkbox", { name: /^write/ }).check();
  await expect(sam.getByRole("checkbox", { name: /^destroy/ }), "the rules do not allow it").toHaveCount(0);
  await expect(sam.getByRole("checkbox", { name: "staging" }), "the rules do not allow it").toHaveCount(0);
  await sam.getByRole("checkbox", { name: "production" }).check();
  await sam.getByLabel("What is burning?").fill("too short");
  await expect(ask).toBeDisabled();
  await sam.getByLabel("What is burning?").fill(kWhy);
  await sam.getByLabel(/^Minutes/).fill("31");
  await expect(ask).toBeDisabled();
  await sam.getByLabel(/^Minutes/).fill("10");
  await accessible(sam, "the form that asks for a broken glass");
  await ask.click();

  await expect(sam).toHaveURL(/\/requests\//);
  const id = sam.url().split("/").pop();
  const banner = sam.getByRole("region", { name: "Break-glass" });
  await expect(banner).toContainText("This breaks the glass");
  await expect(banner).toContainText(kWhy);
  await expect(banner).toContainText("10 min");
  await accessible(sam, "a request to break the glass");
  await sign(sam, "sam", id);
  await expect(sam.getByRole("complementary", { name: "Decision" })).toContainText("1 of 2");
  expect((await put("production/glass-one-key.json", "{}")).status, "one key is not enough").toBe(202);

  // An open page is told of each step: it is not loaded again, and asks by itself only while it shows one that is open.
  const looking = await as("jun");
  await looking.goto("/emergencies");
  await expect(looking.getByText("No glass is broken")).toBeVisible();

  const pat = await as("pat");
  await with_passkey(pat);
  await pat.goto("/");
  const row = pat.locator("li.row").first();
  await expect(row, "it stands before everything else").toContainText(kWhy);
  await expect(row).toContainText("break glass");
  await expect(row.getByRole("checkbox"), "it is not decided in a batch").toHaveCount(0);
  await accessible(pat, "an inbox with a request to break the glass");
  await sign(pat, "pat", id);
  await expect(pat.getByRole("complementary", { name: "Decision" })).toContainText("The glass was broken");
  await expect(emergency(looking)).toContainText("not used");
  expect([201, 204], "it passes at once").toContain((await put("production/glass-used.json", "{}")).status);

  await expect(emergency(looking)).toContainText("used 1 time");
  await pat.goto("/emergencies");
  await expect(emergency(pat)).toContainText("open");
  await expect(emergency(pat)).toContainText("min left");
  await expect(emergency(pat)).toContainText("used 1 time");
  await expect(emergency(pat)).toContainText("sam");
  await accessible(pat, "an open emergency");
  await pat.getByRole("button", { name: /^Close… what is open/ }).click();
  await pat.getByLabel("Reason").fill("the price is right again");
  await pat.getByRole("button", { name: "Close it now" }).click();
  await expect(pat.getByText("No glass is broken")).toBeVisible();
  await expect(looking.getByText("No glass is broken")).toBeVisible();
  await expect(emergency(looking)).toContainText("to be reviewed");
  await expect(emergency(pat)).toContainText("since you signed it");
  await expect(emergency(pat).getByRole("button", { name: "Record the review" })).toHaveCount(0);
  await accessible(pat, "an emergency that must be reviewed");
  expect((await put("production/glass-after.json", "{}")).status, "closed: held again").toBe(202);

  const olivia = await as("olivia");
  await olivia.goto("/emergencies");
  await expect(emergency(olivia)).toContainText("it is your agent");
  const dana = await as("dana");
  await dana.goto("/emergencies");
  const review = (page) => emergency(page).getByRole("textbox", { name: /^Review/ });
  await review(dana).fill("too short");
  await expect(dana.getByRole("button", { name: "Record the review" })).toBeDisabled();
  await review(dana).fill("I have seen nothing of it, but well");
  await dana.getByRole("button", { name: "Record the review" }).click();
  await expect(emergency(dana).getByRole("alert")).toContainText("break_glass.not_reviewer");
  const jun = looking;
  await review(jun).fill("one price was put back; it was right");
  await jun.getByRole("button", { name: "Record the review" }).click();
  await expect(jun.getByRole("heading", { name: "History" })).toBeVisible();
  await expect(jun.getByText("one price was put back; it was right")).toBeVisible();
  await expect(emergency(dana), "others see it at once").toHaveCount(0);
  await expect(dana.getByText("one price was put back; it was right")).toBeVisible();
  await accessible(jun, "the history of emergencies");
});

test("who does not manage people is not shown them", async ({ as }) => {
  const page = await as("sam");
  await expect(page.getByRole("navigation", { name: "Console" }).getByRole("link", { name: "People" })).toHaveCount(0);
  await page.goto("/people");
  await expect(page.getByText("This page is for whoever manages people")).toBeVisible();
});

test("people are listed; somebody is signed out everywhere; an account is reset", async ({ as }) => {
  const jun = await as("jun");
  const dana = await as("dana");
  await dana.getByRole("navigation", { name: "Console" }).getByRole("link", { name: "People" }).click();
  const row = (name) => dana.getByRole("row").filter({ has: dana.locator("strong", { hasText: new RegExp(`^${name}$`) }) });
  await expect(row("jun")).toContainText("junior");
  await expect(row("jun")).toContainText("password");
  await expect(dana.getByRole("main")).toContainText("countersign person invite");
  await accessible(dana, "people");

  await row("jun").getByRole("button", { name: /sessions? of jun$/ }).click();
  await expect(dana.getByRole("dialog")).toContainText("with a password from 127.0.0.1");
  await accessible(dana, "somebody's sessions");
  await dana.getByRole("button", { name: "Sign jun out…" }).click();
  await expect(dana.getByRole("button", { name: "Sign out everywhere" })).toBeDisabled();
  await dana.getByLabel("Reason").fill("a laptop was left in a train");
  await dana.getByRole("button", { name: "Sign out everywhere" }).click();
  await expect(row("jun").getByRole("button", { name: "Sign out… jun" })).toBeDisabled();
  await jun.goto("/");
  await expect(jun.getByRole("heading", { name: "Sign in to Countersign" })).toBeVisible();
  await sign_in(jun, "jun");

  await row("jun").getByRole("button", { name: "Reset… jun" }).click();
  await expect(dana.getByRole("dialog")).toContainText("countersign person invite jun");
  await accessible(dana, "the form that resets an account");
  await dana.getByLabel("Reason").fill("the password is known to others");
  await dana.getByRole("button", { name: "Reset the account" }).click();
  await expect(row("jun")).toContainText("none");
  await jun.goto("/");
  await jun.getByLabel("User").fill("jun");
  await jun.getByLabel("Password").fill("four unrelated words here");
  await jun.getByRole("button", { name: "Sign in", exact: true }).click();
  await expect(jun.getByRole("alert")).toBeVisible();
});
