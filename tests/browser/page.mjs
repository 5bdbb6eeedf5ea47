// Drives the page in Debian's Chromium as its users would, against a server that is already running:
//
//   node page.mjs http://localhost:3001 [--token TOKEN] [--phone] [--recording] [--screenshots DIR]
//
// Places a call and watches it live, drops the connection and expects nothing to be missed, and lets
// axe look for barriers. With --token it signs in first; --phone calls the assistant with a fake
// microphone; --recording expects the call's recording to play. Exits 1 with the reason.
import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';
import { openPage } from './browser.mjs';

const { values: options, positionals: [base] } = parseArgs({
  allowPositionals: true,
  options: {
    token: { type: 'string' },
    phone: { type: 'boolean' },
    recording: { type: 'boolean' },
    screenshots: { type: 'string' },
  },
});
const { page, step, text, picture, noBarriers, finish } = await openPage({
  screenshots: options.screenshots,
  // A refused token is asked for on purpose below, and so is the recording of a living call.
  expected: /status of 40[14]/,
});

// The live connection, held by the page: what it asked, and a way to cut it.
const live = { subscribes: [], socket: null };
await page.routeWebSocket('**/ws/live-calls', (socket) => {
  const server = socket.connectToServer();
  live.socket = socket;
  socket.onMessage((message) => {
    const asked = JSON.parse(message);
    if (asked.type === 'subscribe') live.subscribes.push(asked);
    server.send(message);
  });
  server.onMessage((message) => socket.send(message));
});

const placeCall = (number) => page.evaluate(async ([to, token]) => {
  const response = await fetch('/api/calls', {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(token ? { Authorization: `Bearer ${token}` } : {}) },
    body: JSON.stringify({ assistantId: 'test-assistant-123', phoneNumberId: 'test-phone-123', customer: { number: to } }),
  });
  if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
  return response.json();
}, [number, options.token]);

await finish(async () => {
  if (options.token) {
    await step('without a token the page asks for one, and says when it is wrong', async () => {
      await page.goto(base);
      await page.getByText('Use an access token').click();
      await page.getByLabel('Access token').waitFor();
      await noBarriers();
      await page.getByLabel('Access token').fill('not.a.token');
      await page.getByRole('button', { name: 'Open the dashboard' }).click();
      await page.getByRole('alert').filter({ hasText: /\w/ }).waitFor();
      await page.getByLabel('Access token').fill(options.token);
      await page.getByRole('button', { name: 'Open the dashboard' }).click();
      await text('#connection', 'Live');
    });
  } else {
    await step('the page opens within two seconds and is live', async () => {
      const began = performance.now();
      await page.goto(base);
      await page.getByRole('heading', { name: 'Calls', exact: true }).waitFor();
      assert.ok(performance.now() - began < 2_000, `took ${Math.round(performance.now() - began)} ms`);
      await text('#connection', 'Live');
    });
  }

  await step('health is shown', async () => {
    await text('#health summary', 'All well');
    await page.locator('#health summary').click();
    await text('#health-services', 'up');
    await picture('health');
    await page.locator('#health summary').click();
  });

  let call;
  await step('a new call appears and its transcript grows as it is spoken', async () => {
    call = await placeCall('+447700900001');
    const item = page.locator(`.call[data-call="${call.id}"]`);
    await item.waitFor();
    await item.focus();
    await page.keyboard.press('Enter');
    await text('#detail-title', '+447700900001');
    await page.locator('#detail-turns .turn').first().waitFor();
    await picture('live');
    await text('#detail-facts', 'How it ended');
    assert.equal(await item.getAttribute('aria-current'), 'true');
    await noBarriers();
    await picture('ended');
  });

  await step('what happened while the connection was away is replayed', async () => {
    const before = live.subscribes.length;
    await live.socket.close({ code: 4000 });
    await text('#connection', 'Reconnecting');
    const missed = await placeCall('+447700900002');
    await text('#connection', 'Live');
    await page.locator(`.call[data-call="${missed.id}"]`).waitFor();
    const again = live.subscribes[before];
    assert.equal(typeof again.since, 'number');
    assert.ok(again.epoch, 'the page did not say of which epoch its position is');
    assert.equal(await page.locator(`.call[data-call="${missed.id}"]`).count(), 1);
  });

  if (options.recording) {
    await step('the recording plays', async () => {
      await page.locator(`.call[data-call="${call.id}"]`).click();
      await page.locator('#detail-audio').waitFor({ timeout: 60_000 });
      const played = await page.locator('#detail-audio').evaluate(async (audio) => {
        audio.muted = true;
        await audio.play();
        await new Promise((resolve) => { audio.ontimeupdate = () => audio.currentTime > 0.3 && resolve(); });
        return audio.duration;
      });
      assert.ok(played > 0.5, `it is ${played} s long`);
      await picture('recording');
    });
  }

  if (options.phone) {
    await step('the assistant is called from the browser, speaks and is hung up', async () => {
      await page.getByRole('button', { name: 'Call the assistant' }).click();
      await text('#phone-state', 'Connected');
      await text('#phone-turns .turn.assistant', /\w/);
      await page.waitForFunction(() => /scaleX\(0?\.0*[1-9]/.test(document.querySelector('#phone-level').style.transform));
      await page.getByText('Keypad').click();
      await page.getByRole('button', { name: '5', exact: true }).click();
      await noBarriers();
      await picture('phone');
      await page.getByRole('button', { name: 'Hang up' }).click();
      await text('#phone-state', 'You hung up');
      assert.ok(await page.getByRole('button', { name: 'Call the assistant' }).isVisible());
      await text('#detail-title', 'Browser caller');
      await text('.call[aria-current="true"]', 'Browser caller');
    });
  }

  await step('on a phone nothing is cut off', async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    const widths = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(widths[0] <= widths[1], `the page is ${widths[0]} wide on ${widths[1]}`);
    await noBarriers();
    await picture('small');
    await page.emulateMedia({ colorScheme: 'dark' });
    await noBarriers();
    await picture('small-dark');
  });
});
