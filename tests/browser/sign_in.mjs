// How people come in, in Debian's Chromium, against a production server with an organization:
//
//   node sign_in.mjs http://127.0.0.1:3001 --email OWNER --password PASSWORD [--screenshots DIR]
//
// Signs in, stays so over a reload and in a second tab, invites somebody, signs out; the invited person
// follows the link, chooses a password and is in. Exits 1 with the reason.
import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';
import { openPage } from './browser.mjs';

const { values: options, positionals: [base] } = parseArgs({
  allowPositionals: true,
  options: { email: { type: 'string' }, password: { type: 'string' }, screenshots: { type: 'string' } },
});
// Nobody is signed in at first, and once with a wrong password.
const { context, page, step, text, picture, noBarriers, finish } = await openPage({
  screenshots: options.screenshots, expected: /status of 401/,
});

const signIn = async (email, password) => {
  await page.getByLabel('E-mail', { exact: true }).fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Sign in' }).click();
};
const isIn = () => text('#connection', 'Live');

await finish(async () => {
  await step('a wrong password is told', async () => {
    await page.goto(base);
    await page.getByLabel('E-mail', { exact: true }).waitFor();
    await noBarriers();
    await picture('sign-in');
    await signIn(options.email, 'not the password');
    await page.getByRole('alert').filter({ hasText: /\w/ }).waitFor();
    assert.equal(await page.locator('#dashboard').isVisible(), false);
  });

  await step('the owner signs in', async () => {
    await signIn(options.email, options.password);
    await isIn();
    await text('#org', 'Acme');
    assert.equal(await page.getByRole('button', { name: 'Call the assistant' }).isVisible(), true);
    await noBarriers();
  });

  await step('and is still in after a reload, and in a second tab at the same time', async () => {
    const second = await context.newPage();
    await Promise.all([page.reload(), second.goto(base)]);
    await isIn();
    await second.locator('#connection').filter({ hasText: 'Live' }).waitFor();
    await second.close();
  });

  let link;
  await step('somebody is invited', async () => {
    link = await page.evaluate(async () => {
      const refreshed = await (await fetch('/api/auth/refresh', { method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json' } })).json();
      const response = await fetch('/api/members/invitations', {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Authorization: `Bearer ${refreshed.accessToken}` },
        body: JSON.stringify({ email: 'nurse@acme.example', role: 'viewer' }),
      });
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
      return (await response.json()).link;
    });
    assert.ok(link.startsWith(base), link);
  });

  await step('the owner signs out, and nothing stays', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('E-mail', { exact: true }).waitFor();
    await page.reload();
    await page.getByLabel('E-mail', { exact: true }).waitFor();
  });

  await step('the link lets the invited person in, once', async () => {
    await page.goto(link);
    await page.getByLabel('Choose a password').waitFor();
    await noBarriers();
    await picture('invitation');
    await page.getByLabel('Your name').fill('Nora');
    await page.getByLabel('Choose a password').fill('long enough for a nurse');
    await page.getByRole('button', { name: 'Accept the invitation' }).click();
    await isIn();
    assert.equal(new URL(page.url()).hash, '');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await signIn('nurse@acme.example', 'long enough for a nurse');
    await isIn();
    // A viewer.
    assert.equal(await page.getByRole('button', { name: 'Call the assistant' }).isVisible(), false);
    await text('#phone-state', 'Managers and owners');
    await noBarriers();
    await picture('viewer');
  });
});
